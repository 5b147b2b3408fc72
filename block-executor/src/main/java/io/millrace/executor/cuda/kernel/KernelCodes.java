package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.Mask;
import io.millrace.model.spec.NormSpec;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.RademacherDirection;
import io.millrace.optim.update.ElementProgram;
import java.util.Map;

/** The numbers by which kernels know dtypes and kinds: the enums of the {@code .cu} files. */
final class KernelCodes {
    /** The dense directions that kernels make. */
    static final Map<String, Integer> DIRECTIONS =
            Map.of(GaussianDirection.NAME, 0, RademacherDirection.NAME, 1);

    static final int NO_ACTIVATION = 0;
    static final int SOFTCAP = 5;
    static final int TIMES = 6;

    private KernelCodes() {}

    static int of(DType type) {
        return switch (type) {
            case F32 -> 0;
            case F16 -> 1;
            case BF16 -> 2;
            default -> throw new IllegalArgumentException("no kernel computes on " + type);
        };
    }

    static int of(ElementProgram.Op op) {
        return switch (op) {
            case DECAY -> 0;
            case Z -> 16;
            case FILL -> 17;
            case SCALE -> 18;
            case FMA -> 19;
            case ADD -> 20;
            case MULTIPLY -> 21;
            case DIVIDE -> 22;
            case MAX -> 23;
            case ROOT -> 24;
            case SIGN -> 25;
            case SHARE -> 26;
            case REACH -> 27;
            case TIMES -> 28;
        };
    }

    static int of(Activation activation) {
        return switch (activation) {
            case RELU -> 1;
            case GELU_EXACT -> 2;
            case GELU_TANH -> 3;
            case SILU -> 4;
            case TANH -> 7;
        };
    }

    static int of(NormSpec.Kind kind) {
        return switch (kind) {
            case LAYER -> 0;
            case RMS -> 1;
        };
    }

    /** Positions that a query sees up to itself, 0 for all. */
    static int window(Mask mask) {
        return switch (mask) {
            case Mask.Causal(), Mask.Full() -> 0;
            case Mask.Window(int positions) -> positions;
            case Mask.Around(int reach) -> reach + 1;
        };
    }

    /** Positions that a query sees behind its own, as far as there are any. */
    static int ahead(Mask mask) {
        return switch (mask) {
            case Mask.Causal(), Mask.Window(_) -> 0;
            case Mask.Full() -> Integer.MAX_VALUE;
            case Mask.Around(int reach) -> reach;
        };
    }

    static int ofDirection(String name) {
        Integer code = DIRECTIONS.get(name);
        if (code == null) {
            throw new IllegalArgumentException("no kernel makes the direction " + name);
        }
        return code;
    }
}
