package io.millrace.optim.participation;

import io.millrace.optim.option.Kind;

/**
 * A kind of participation. Those of other jars are found as services of this type, in {@code
 * META-INF/services}.
 */
public interface ParticipationKind extends Kind<Participation> {}
