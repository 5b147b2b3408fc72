package io.millrace.executor.step;

import io.millrace.model.spec.DecoderSpec;
import io.millrace.model.spec.LayerSpec;
import io.millrace.model.spec.LinearSpec;
import java.util.Objects;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;

/** The widest of what a decoder's layers make, which scratch memory has room for on any device. */
public final class DecoderWidths {
    private DecoderWidths() {}

    /** The most of something that any layer has. */
    public static int widest(DecoderSpec spec, ToIntFunction<LayerSpec> width) {
        return spec.layers().stream().mapToInt(width).max().orElse(0);
    }

    /** Elements of a row of what attention gives. */
    public static int contextWidth(LayerSpec layer) {
        return layer.attention().heads() * layer.attention().headDim();
    }

    /** Floats of the longest vector that is formed. */
    public static long vectorLength(DecoderSpec spec) {
        int inside =
                Math.max(
                        widest(spec, layer -> layer.attention().rowWidth()),
                        widest(spec, layer -> layer.mlp().up().outputs()));
        int outside =
                Math.max(Math.max(spec.hiddenSize(), spec.embedding().width()), spec.vocabSize());
        return Math.max(inside, outside);
    }

    /** Every matrix that states are multiplied with. */
    public static Stream<LinearSpec> matrices(DecoderSpec spec) {
        return Stream.concat(innerMatrices(spec), Stream.of(spec.head().logits()));
    }

    /** The same without that of the logits. */
    public static Stream<LinearSpec> innerMatrices(DecoderSpec spec) {
        Stream<LinearSpec> ends =
                Stream.of(spec.embedding().projection(), spec.head().projection());
        return Stream.concat(ends, spec.layers().stream().flatMap(DecoderWidths::matrices))
                .filter(Objects::nonNull);
    }

    private static Stream<LinearSpec> matrices(LayerSpec layer) {
        return Stream.concat(
                layer.attention().projections().stream(),
                Stream.of(
                        layer.attention().output(),
                        layer.mlp().gate(),
                        layer.mlp().up(),
                        layer.mlp().down()));
    }
}
