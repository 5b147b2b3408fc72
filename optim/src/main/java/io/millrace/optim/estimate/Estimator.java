package io.millrace.optim.estimate;

import java.util.List;

/** Says which losses a step asks for, and reads slopes out of the answers. */
public interface Estimator {
    /**
     * The probes of one step.
     *
     * @param stepSeed the step's seed
     * @param eps scale of the perturbation
     */
    List<Probe> probes(long stepSeed, double eps);

    /**
     * Slopes from the answers.
     *
     * @param probes as {@link #probes} gave them
     * @param losses one array a probe, one loss a scale
     * @param eps scale of the perturbation
     */
    List<QueryResult> results(List<Probe> probes, List<double[]> losses, double eps);
}
