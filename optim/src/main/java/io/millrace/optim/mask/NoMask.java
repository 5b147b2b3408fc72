package io.millrace.optim.mask;

/** Every element keeps its z. */
final class NoMask implements MaskRule {
    static final String NAME = "none";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean isWhole() {
        return true;
    }

    @Override
    public ElementMask over(BaseWeights base) {
        throw new IllegalStateException("nothing is masked");
    }
}
