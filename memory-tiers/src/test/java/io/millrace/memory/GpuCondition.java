package io.millrace.memory;

import io.millrace.memory.cuda.CudaDriver;
import io.millrace.memory.cuda.CudaLibraries;
import java.util.List;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Whether a CUDA device is there; see {@link RequiresGpu}. */
public final class GpuCondition implements ExecutionCondition {
    private static final String ANSWER = answer();

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        return decide(ANSWER, Boolean.getBoolean("gpu.required"));
    }

    /**
     * The decision.
     *
     * @param missing why there is no device; empty where there is one
     */
    static ConditionEvaluationResult decide(String missing, boolean required) {
        if (missing.isEmpty()) {
            return ConditionEvaluationResult.enabled("a CUDA device is there");
        }
        if (required) {
            // What a condition throws fails the test, or the class, that it stands on.
            throw new AssertionError("-Dgpu.required=true, and there is none: " + missing);
        }
        return ConditionEvaluationResult.disabled(missing);
    }

    private static String answer() {
        List<String> missing = CudaLibraries.ofMachine().missing();
        if (!missing.isEmpty()) {
            return String.join("; ", missing);
        }
        try {
            return CudaDriver.load().deviceCount() > 0 ? "" : "the driver finds no device";
        } catch (BadInputException e) {
            return e.getMessage();
        }
    }
}
