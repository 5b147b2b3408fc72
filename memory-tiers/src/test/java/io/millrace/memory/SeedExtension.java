package io.millrace.memory;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/**
 * Gives random tests their seed: {@code -Dtest.seed}, or the clock's. A failure says which seed it
 * had, so that the same run can be had again.
 */
public final class SeedExtension implements ParameterResolver, TestExecutionExceptionHandler {
    private static final ExtensionContext.Namespace NAMESPACE =
            ExtensionContext.Namespace.create(SeedExtension.class);

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.isAnnotated(Seed.class);
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Long given = Long.getLong("test.seed");
        long seed = given == null ? System.nanoTime() : given;
        context.getStore(NAMESPACE).put("seed", seed);
        return seed;
    }

    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable failure)
            throws Throwable {
        Object seed = context.getStore(NAMESPACE).get("seed");
        if (seed == null || failure instanceof org.opentest4j.TestAbortedException) {
            throw failure;
        }
        throw new AssertionError("failed with -Dtest.seed=" + seed, failure);
    }
}
