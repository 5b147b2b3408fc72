package io.millrace.telemetry;

import java.lang.reflect.Parameter;
import java.util.SplittableRandom;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestWatcher;

/**
 * Gives a test a {@link SplittableRandom} from {@code -Dtest.seed} or the clock, and prints the
 * seed when the test fails.
 */
public final class Seeds implements ParameterResolver, TestWatcher {
    private final long seed = Long.getLong("test.seed", System.nanoTime());

    @Override
    public boolean supportsParameter(ParameterContext context, ExtensionContext extension) {
        Parameter parameter = context.getParameter();
        return parameter.getType() == SplittableRandom.class;
    }

    @Override
    public Object resolveParameter(ParameterContext context, ExtensionContext extension) {
        // The id tells repetitions apart and is the same in every run.
        return new SplittableRandom(seed + extension.getUniqueId().hashCode());
    }

    @Override
    public void testFailed(ExtensionContext context, Throwable cause) {
        System.err.println(context.getDisplayName() + " failed with -Dtest.seed=" + seed);
    }
}
