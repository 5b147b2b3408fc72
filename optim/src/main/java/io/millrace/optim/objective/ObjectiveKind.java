package io.millrace.optim.objective;

import io.millrace.optim.option.Kind;

/**
 * A kind of objective. Those of other jars are found as services of this type, in {@code
 * META-INF/services}.
 */
public interface ObjectiveKind extends Kind<Objective> {}
