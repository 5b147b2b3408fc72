package io.millrace.optim.update;

import io.millrace.optim.option.Kind;

/**
 * A kind of update rule; it makes one that is before its first step. Those of other jars are found
 * as services of this type, in {@code META-INF/services}.
 */
public interface UpdateRuleKind extends Kind<UpdateRule> {}
