package io.millrace.executor.search;

/**
 * What was found of a layer.
 *
 * @param weights of its matrices, all together
 * @param mean of what each counts
 * @param outliers how many count more than so many times that
 */
public record LayerOutliers(long weights, double mean, long outliers) {
    /** Share of the layer's weights. */
    public double share() {
        return (double) outliers / weights;
    }
}
