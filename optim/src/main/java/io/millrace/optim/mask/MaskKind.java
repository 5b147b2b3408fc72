package io.millrace.optim.mask;

import io.millrace.optim.option.Kind;

/**
 * A kind of mask. Those of other jars are found as services of this type, in {@code
 * META-INF/services}.
 */
public interface MaskKind extends Kind<MaskRule> {}
