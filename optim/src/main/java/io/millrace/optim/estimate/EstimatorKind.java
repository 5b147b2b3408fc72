package io.millrace.optim.estimate;

import io.millrace.optim.option.Kind;

/**
 * A kind of estimator. Those of other jars are found as services of this type, in {@code
 * META-INF/services}.
 */
public interface EstimatorKind extends Kind<Estimator> {}
