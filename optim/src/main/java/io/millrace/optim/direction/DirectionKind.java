package io.millrace.optim.direction;

import io.millrace.optim.option.Kind;

/**
 * A kind of direction. Those of other jars are found as services of this type, in {@code
 * META-INF/services}.
 */
public interface DirectionKind extends Kind<Direction> {}
