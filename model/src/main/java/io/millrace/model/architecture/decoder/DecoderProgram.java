package io.millrace.model.architecture.decoder;

import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RouteSpec;
import io.millrace.model.spec.TableSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The program of a decoder whose layers have an attention part and a feed-forward part. */
public final class DecoderProgram {
    private final DecoderSpec spec;

    private DecoderProgram(DecoderSpec spec) {
        this.spec = spec;
    }

    public static ModelProgram of(DecoderSpec spec) {
        DecoderProgram program = new DecoderProgram(spec);
        List<BlockProgram> layers = new ArrayList<>(spec.layers().size());
        for (LayerSpec layer : spec.layers()) {
            layers.add(program.layer("layer " + layers.size(), layer));
        }
        return new ModelProgram(
                spec.modelType(),
                spec.vocabSize(),
                spec.hiddenSize(),
                spec.maxPositions(),
                program.embedding(),
                layers,
                program.head(),
                spec.answers());
    }

    private BlockProgram embedding() {
        EmbeddingSpec embedding = spec.embedding();
        List<Op> ops = new ArrayList<>();
        LinearSpec projection = embedding.projection();
        Value hidden = Value.stream("tokens", spec.hiddenSize());
        Value looked = projection == null ? hidden : Value.states("narrow", embedding.width());
        TableSpec tokens = new TableSpec(embedding.tokens(), spec.vocabSize(), embedding.width());
        ops.add(new Op.Lookup(Op.Index.ID, tokens, 0, embedding.scale(), looked));
        Value last = hidden;
        if (projection != null) {
            ops.add(new Op.Linear(projection, looked, hidden));
        }
        if (embedding.positions() != null) {
            TableSpec positions =
                    new TableSpec(
                            embedding.positions(), embedding.positionRows(), spec.hiddenSize());
            Value place = Value.states("positions", spec.hiddenSize());
            int offset = embedding.positionOffset();
            Op.Index index =
                    embedding.finish().skipsPadding() ? Op.Index.TEXT_POSITION : Op.Index.POSITION;
            ops.add(new Op.Lookup(index, positions, offset, 1, place));
            last = stream("hidden");
            ops.add(new Op.Add(hidden, place, last));
        }
        EmbeddingSpec.Finish finish = embedding.finish();
        if (finish.segments() != null) {
            TableSpec table =
                    new TableSpec(finish.segments(), finish.segmentRows(), spec.hiddenSize());
            Value segment = Value.states("segments", spec.hiddenSize());
            ops.add(new Op.Lookup(Op.Index.SEGMENT, table, 0, 1, segment));
            Value sum = stream("hidden with segments");
            ops.add(new Op.Add(last, segment, sum));
            last = sum;
        }
        if (finish.norm() != null) {
            ops.add(new Op.Norm(finish.norm(), last, stream("normed tokens")));
        }
        if (finish.relative() != null) {
            carry(ops, finish.relative());
        }
        return new BlockProgram("embedding", Optional.empty(), ops);
    }

    private void carry(List<Op> ops, EmbeddingSpec.Relative relative) {
        Value rows = carried(spec.hiddenSize());
        boolean plain = relative.norm() == null;
        Value looked = plain ? rows : Value.ofTable("positions apart", spec.hiddenSize());
        ops.add(new Op.Lookup(Op.Index.ROW, relative.table(), 0, 1, looked));
        if (!plain) {
            ops.add(new Op.Norm(relative.norm(), looked, rows));
        }
    }

    /** The table of relative positions, with rows of so many elements. */
    static Value carried(int width) {
        return Value.carried("relative positions", width);
    }

    private BlockProgram layer(String name, LayerSpec layer) {
        Value in = Value.stream("hidden", spec.hiddenSize());
        List<Op> ops = new ArrayList<>();
        switch (layer.order()) {
            case PRE -> {
                Value normed = normed(ops, layer.attentionNorm(), in, "attention input");
                Value context = AttentionOps.attend(ops, layer.attention(), normed);
                Value between = addAttention(ops, layer, context, in);
                Value input = mlpInput(ops, layer, between);
                Inner inner = expand(ops, layer, input);
                addMlp(ops, layer, inner, between);
            }
            case POST -> {
                Value context = AttentionOps.attend(ops, layer.attention(), in);
                Value sum = addAttention(ops, layer, context, in);
                Value between = stream("normed after attention");
                ops.add(new Op.Norm(layer.attentionNorm(), sum, between));
                Inner inner = expand(ops, layer, between);
                Value last = addMlp(ops, layer, inner, between);
                ops.add(new Op.Norm(layer.mlpNorm(), last, stream("normed after feed-forward")));
            }
            case PARALLEL -> {
                Value normed = normed(ops, layer.attentionNorm(), in, "attention input");
                Value context = AttentionOps.attend(ops, layer.attention(), normed);
                // Both parts read the hidden state before either adds to it.
                Value input =
                        layer.mlpNorm() == null
                                ? normed
                                : normed(ops, layer.mlpNorm(), in, "feed-forward input");
                Inner inner = expand(ops, layer, input);
                Value between = addAttention(ops, layer, context, in);
                addMlp(ops, layer, inner, between);
            }
        }
        return new BlockProgram(name, Optional.of(in), ops);
    }

    private Value stream(String name) {
        return Value.stream(name, spec.hiddenSize());
    }

    private static Value normed(List<Op> ops, NormSpec norm, Value in, String name) {
        if (norm == null) {
            return in;
        }
        Value out = Value.states(name, norm.width());
        ops.add(new Op.Norm(norm, in, out));
        return out;
    }

    /** What experts read waits for them. */
    private static Value mlpInput(List<Op> ops, LayerSpec layer, Value in) {
        if (!(layer.mlp() instanceof ExpertsSpec)) {
            return normed(ops, layer.mlpNorm(), in, "feed-forward input");
        }
        Value out = Value.held("experts input", layer.mlpNorm().width());
        ops.add(new Op.Norm(layer.mlpNorm(), in, out));
        return out;
    }

    private Value addAttention(List<Op> ops, LayerSpec layer, Value context, Value hidden) {
        LinearSpec output = layer.attention().output();
        NormSpec outNorm = layer.attentionOutNorm();
        Value scaled = scaled(ops, layer.scale(), context, "scaled context");
        return add(ops, output, outNorm, scaled, hidden, "attention");
    }

    /**
     * What a feed-forward part has made of its input before it adds to the stream.
     *
     * @param in the input
     * @param made what the last matrix multiplies; of experts, which of them a token chose
     */
    private record Inner(Value in, Value made) {}

    private static Inner expand(List<Op> ops, LayerSpec layer, Value in) {
        return switch (layer.mlp()) {
            case MlpSpec mlp -> new Inner(in, expand(ops, mlp, in, ""));
            case ExpertsSpec experts -> {
                Value routes = Value.held("routes", experts.route().experts());
                // What weights are scaled by, the experts' sum is too.
                RouteSpec route = experts.route().scaled(layer.scale());
                ops.add(new MixtureOp.Route(experts.router(), route, in, routes));
                yield new Inner(in, routes);
            }
        };
    }

    private static Value expand(List<Op> ops, MlpSpec mlp, Value in, String kind) {
        int width = mlp.up().outputs();
        Value up = Value.states(kind + "up", width);
        Value inner = Value.states(kind + "inner", mlp.down().inputs());
        ops.add(new Op.Linear(mlp.up(), in, up));
        if (mlp.isHalved()) {
            ops.add(new Op.GateHalves(mlp.activation(), up, inner));
        } else if (mlp.gate() == null) {
            ops.add(new Op.Activate(mlp.activation(), up, inner));
        } else {
            Value gate = Value.states(kind + "gate", width);
            ops.add(new Op.Linear(mlp.gate(), in, gate));
            ops.add(new Op.Gate(mlp.activation(), gate, up, inner));
        }
        return inner;
    }

    private Value addMlp(List<Op> ops, LayerSpec layer, Inner inner, Value hidden) {
        return switch (layer.mlp()) {
            case MlpSpec mlp -> {
                Value scaled = scaled(ops, layer.scale(), inner.made, "scaled inner");
                yield add(ops, mlp.down(), layer.mlpOutNorm(), scaled, hidden, "feed-forward");
            }
            case ExpertsSpec experts -> addExperts(ops, layer, experts, inner, hidden);
        };
    }

    /** What every token has comes first: of what experts are told, nothing changes after it. */
    private Value addExperts(
            List<Op> ops, LayerSpec layer, ExpertsSpec experts, Inner inner, Value hidden) {
        if (layer.mlpOutNorm() != null) {
            throw new IllegalArgumentException("experts are added as they are");
        }
        Value before = hidden;
        if (experts.shared() != null) {
            before = addShared(ops, layer.scale(), experts, inner.in, hidden);
        }
        Value sum = stream("after experts");
        ops.add(
                new MixtureOp.Experts(
                        experts.experts(),
                        experts.route().chosen(),
                        experts.unit(),
                        inner.in,
                        inner.made,
                        before,
                        sum));
        return sum;
    }

    private Value addShared(
            List<Op> ops, float scale, ExpertsSpec experts, Value in, Value hidden) {
        MlpSpec shared = experts.shared();
        Value inner = scaled(ops, scale, expand(ops, shared, in, "shared "), "scaled shared inner");
        Value result = Value.states("shared result", spec.hiddenSize());
        ops.add(new Op.Linear(shared.down(), inner, result));
        if (experts.sharedGate() != null) {
            Value gate = Value.states("share", 1);
            ops.add(new Op.Linear(experts.sharedGate(), in, gate));
            Value gated = Value.states("gated shared result", spec.hiddenSize());
            ops.add(new MixtureOp.GateRows(gate, result, gated));
            result = gated;
        }
        Value sum = stream("after shared expert");
        ops.add(new Op.Add(hidden, result, sum));
        return sum;
    }

    /** What a product is scaled by, its factor is too. */
    private static Value scaled(List<Op> ops, float scale, Value in, String name) {
        if (scale == 1) {
            return in;
        }
        Value out = new Value(name, in.width(), in.rows(), in.memory());
        ops.add(new Op.Times(scale, in, out));
        return out;
    }

    /** {@code hidden + norm(linear(x))}, or without a norm. */
    private Value add(
            List<Op> ops, LinearSpec output, NormSpec outNorm, Value x, Value hidden, String part) {
        Value result = Value.states(part + " result", output.outputs());
        ops.add(new Op.Linear(output, x, result));
        if (outNorm != null) {
            result = normed(ops, outNorm, result, part + " normed result");
        }
        Value sum = stream("after " + part);
        ops.add(new Op.Add(hidden, result, sum));
        return sum;
    }

    private BlockProgram head() {
        HeadSpec head = spec.head();
        Value in = Value.stream("hidden", spec.hiddenSize());
        List<Op> ops = new ArrayList<>();
        Value x = Value.headStates("head rows", spec.hiddenSize());
        ops.add(new Op.Copy(in, x));
        if (head.norm() != null) {
            Value normed = Value.headStates("normed", spec.hiddenSize());
            ops.add(new Op.Norm(head.norm(), x, normed));
            x = normed;
        }
        if (head.projection() != null) {
            Value narrow = Value.headStates("narrow", head.projection().outputs());
            ops.add(new Op.Linear(head.projection(), x, narrow));
            x = narrow;
        }
        if (head.transform() != null) {
            x = transformed(ops, head.transform(), x);
        }
        x = scaled(ops, head.scale(), x, "scaled");
        ops.add(new Op.Score(head.logits(), head.softcap(), x));
        return new BlockProgram("head", Optional.of(in), ops);
    }

    private static Value transformed(List<Op> ops, HeadSpec.Transform transform, Value in) {
        int width = transform.dense().outputs();
        Value dense = Value.headStates("dense", width);
        ops.add(new Op.Linear(transform.dense(), in, dense));
        Value active = Value.headStates("active", width);
        ops.add(new Op.Activate(transform.activation(), dense, active));
        if (transform.norm() == null) {
            return active;
        }
        Value normed = Value.headStates("normed active", width);
        ops.add(new Op.Norm(transform.norm(), active, normed));
        return normed;
    }
}
