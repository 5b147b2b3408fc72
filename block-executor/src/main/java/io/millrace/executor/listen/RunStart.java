package io.millrace.executor.listen;

/**
 * What a run says of itself before its first step.
 *
 * @param resolved the resolved configuration on one line: model, parameters, dtype, device, what
 *     ran
 * @param firstStep the first step to come, above 1 when resumed
 * @param totalSteps steps of the whole run
 */
public record RunStart(String resolved, long firstStep, long totalSteps) {}
