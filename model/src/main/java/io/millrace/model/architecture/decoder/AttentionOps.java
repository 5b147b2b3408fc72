package io.millrace.model.architecture.decoder;

import io.millrace.model.program.LatentOp;
import io.millrace.model.program.Op;
import io.millrace.model.program.Relative;
import io.millrace.model.program.Value;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.List;
import java.util.Optional;

/** The operators of an attention part, up to what its last matrix multiplies. */
final class AttentionOps {
    private AttentionOps() {}

    /** Adds them; what they make. */
    static Value attend(List<Op> ops, AttentionPart attention, Value in) {
        return switch (attention) {
            case AttentionSpec plain -> attend(ops, plain, in);
            case LatentAttentionSpec latent -> attend(ops, latent, in);
        };
    }

    private static Value attend(List<Op> ops, AttentionSpec attention, Value in) {
        HeadsSpec heads = attention.attend().heads();
        int dim = heads.dim();
        int width = attention.rowWidth();
        Value row = Value.kept("projected", width);
        ops.add(new Op.Linear(attention.projections(), in, row));
        row = normedHeads(ops, attention.queryNorm(), heads.queries(), dim, row, "normed queries");
        row = normedHeads(ops, attention.keyNorm(), heads.keys(), dim, row, "normed keys");
        for (AttentionSpec.HeadNorm one : attention.headNorms()) {
            row = normedHeads(ops, one, row);
        }
        if (attention.rope() != null) {
            row = turned(ops, attention.rope(), heads, row);
        }
        Value context = Value.states("context", heads.contextWidth());
        Optional<Relative> relative =
                Optional.ofNullable(attention.relative()).map(part -> relative(ops, part));
        ops.add(new Op.Attend(attention.attend(), row, relative, context));
        return context;
    }

    private static Relative relative(List<Op> ops, AttentionSpec.Relative part) {
        return new Relative(
                part.rows(),
                ofTable(ops, part.keys(), "position keys"),
                ofTable(ops, part.queries(), "position queries"));
    }

    private static Optional<Value> ofTable(List<Op> ops, LinearSpec matrix, String name) {
        if (matrix == null) {
            return Optional.empty();
        }
        Value out = Value.ofTable(name, matrix.outputs());
        ops.add(new Op.Linear(matrix, DecoderProgram.carried(matrix.inputs()), out));
        return Optional.of(out);
    }

    private static Value normedHeads(List<Op> ops, AttentionSpec.HeadNorm one, Value in) {
        Value out = Value.kept("normed by " + one.norm().weight(), in.width());
        ops.add(new Op.NormHeads(one.norm(), one.heads(), one.apart(), in, out));
        return out;
    }

    private static Value normedHeads(
            List<Op> ops, NormSpec norm, HeadColumns heads, int dim, Value in, String name) {
        if (norm == null) {
            return in;
        }
        Value out = Value.kept(name, in.width());
        int all = heads.count() * dim;
        HeadColumns normed = norm.width() == all ? new HeadColumns(1, heads.start(), all) : heads;
        ops.add(new Op.NormHeads(norm, normed, false, in, out));
        return out;
    }

    private static Value attend(List<Op> ops, LatentAttentionSpec attention, Value in) {
        Value asked = in;
        LatentAttentionSpec.Narrowed asking = attention.queries();
        if (asking.narrow() != null) {
            Value narrow = multiplied(ops, asking.narrow(), in, "narrow query");
            asked = normed(ops, asking.norm(), narrow, "normed narrow query");
        }
        Value queries = multiplied(ops, asking.expand(), asked, "queries");
        LatentAttentionSpec.Narrowed keys = attention.keys();
        Value narrow = multiplied(ops, keys.narrow(), in, "narrow");
        Value latent = Value.states("latent", keys.expand().inputs());
        ops.add(new LatentOp.Columns(0, narrow, latent));
        Value normed = normed(ops, keys.norm(), latent, "normed latent");
        Value expanded = multiplied(ops, keys.expand(), normed, "expanded");
        Value row = Value.kept("joined", attention.heads().rowWidth());
        ops.add(new LatentOp.Join(attention.heads(), queries, expanded, narrow, row));
        row = turned(ops, attention.rope(), attention.heads().turning(), row);
        Value context = Value.states("context", attention.attend().heads().contextWidth());
        ops.add(new Op.Attend(attention.attend(), row, Optional.empty(), context));
        return context;
    }

    private static Value turned(List<Op> ops, RopeSpec rope, HeadsSpec heads, Value row) {
        Value turned = Value.kept("turned", row.width());
        ops.add(new Op.Rotate(rope, heads, row, turned));
        return turned;
    }

    private static Value multiplied(List<Op> ops, LinearSpec matrix, Value in, String name) {
        Value out = Value.states(name, matrix.outputs());
        ops.add(new Op.Linear(matrix, in, out));
        return out;
    }

    private static Value normed(List<Op> ops, NormSpec norm, Value in, String name) {
        Value out = Value.states(name, norm.width());
        ops.add(new Op.Norm(norm, in, out));
        return out;
    }
}
