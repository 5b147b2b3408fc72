package io.millrace.model;

import io.millrace.model.spec.AttentionSpec;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.model.spec.EmbeddingSpec;
import io.millrace.model.spec.HeadSpec;
import io.millrace.model.spec.LayerSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.MlpSpec;
import io.millrace.model.spec.NormSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Every tensor that a decoder uses, each once.
 *
 * @param embedding what makes hidden states from ids
 * @param layers each layer's
 * @param head what makes logits, without the table where it is the embedding's
 */
public record SpecTensors(
        List<SpecTensor> embedding, List<List<SpecTensor>> layers, List<SpecTensor> head) {

    /** Freezes the lists. */
    public SpecTensors {
        embedding = List.copyOf(embedding);
        layers = List.copyOf(layers);
        head = List.copyOf(head);
    }

    /** The tensors of a decoder. */
    public static SpecTensors of(DecoderSpec spec) {
        List<List<SpecTensor>> layers = new ArrayList<>(spec.layers().size());
        for (LayerSpec layer : spec.layers()) {
            layers.add(layer(layer));
        }
        return new SpecTensors(embedding(spec), layers, head(spec));
    }

    /** All of them. */
    public Stream<SpecTensor> all() {
        return Stream.of(embedding.stream(), layers.stream().flatMap(List::stream), head.stream())
                .flatMap(part -> part);
    }

    private static List<SpecTensor> embedding(DecoderSpec spec) {
        List<SpecTensor> tensors = new ArrayList<>();
        EmbeddingSpec embedding = spec.embedding();
        tensors.add(table(embedding.tokens(), spec.vocabSize(), embedding.width()));
        if (embedding.positions() != null) {
            tensors.add(table(embedding.positions(), embedding.positionRows(), spec.hiddenSize()));
        }
        add(tensors, embedding.projection());
        return tensors;
    }

    private static List<SpecTensor> layer(LayerSpec layer) {
        List<SpecTensor> tensors = new ArrayList<>();
        add(tensors, layer.attentionNorm());
        AttentionSpec attention = layer.attention();
        attention.projections().forEach(projection -> add(tensors, projection));
        add(tensors, attention.queryNorm());
        add(tensors, attention.keyNorm());
        add(tensors, attention.output());
        add(tensors, layer.attentionOutNorm());
        add(tensors, layer.mlpNorm());
        MlpSpec mlp = layer.mlp();
        add(tensors, mlp.gate());
        add(tensors, mlp.up());
        add(tensors, mlp.down());
        add(tensors, layer.mlpOutNorm());
        return tensors;
    }

    private static List<SpecTensor> head(DecoderSpec spec) {
        List<SpecTensor> tensors = new ArrayList<>();
        HeadSpec head = spec.head();
        add(tensors, head.norm());
        add(tensors, head.projection());
        if (!spec.isTied()) {
            add(tensors, head.logits());
        }
        return tensors;
    }

    private static void add(List<SpecTensor> tensors, LinearSpec linear) {
        if (linear == null) {
            return;
        }
        tensors.add(
                linear.inputMajor()
                        ? table(linear.weight(), linear.inputs(), linear.outputs())
                        : table(linear.weight(), linear.outputs(), linear.inputs()));
        if (linear.bias() != null) {
            tensors.add(vector(linear.bias(), linear.outputs(), SpecTensor.Initial.ZERO));
        }
    }

    private static void add(List<SpecTensor> tensors, NormSpec norm) {
        if (norm == null) {
            return;
        }
        tensors.add(
                vector(
                        norm.weight(),
                        norm.width(),
                        norm.weightOffset() == 0
                                ? SpecTensor.Initial.ONE
                                : SpecTensor.Initial.ZERO));
        if (norm.bias() != null) {
            tensors.add(vector(norm.bias(), norm.width(), SpecTensor.Initial.ZERO));
        }
    }

    private static SpecTensor table(String name, long rows, long columns) {
        return new SpecTensor(name, List.of(rows, columns), SpecTensor.Initial.NOISE);
    }

    private static SpecTensor vector(String name, long width, SpecTensor.Initial initial) {
        return new SpecTensor(name, List.of(width), initial);
    }
}
