package io.millrace.executor.companion;

import io.millrace.model.Checkpoint;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.ExpertSpec;
import io.millrace.model.spec.GatedUnit;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.LatentHeads;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.Mask;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A few tokens through a model in plain double arithmetic, once in a run: what its adapter's
 * virtual tokens begin as. A matrix passes through a few megabytes of memory; nothing depends on
 * the machine.
 */
final class TokenForward {
    private final ModelProgram program;
    private final BaseMatrices weights;
    private final int[] ids;
    private final Map<String, float[]> made = new LinkedHashMap<>();
    private final long wanted;
    private double[][] stream = {};

    /**
     * Of some tokens.
     *
     * @param base the weights
     * @param program the base's, with an adapter of virtual tokens
     * @param ids the tokens
     */
    TokenForward(Checkpoint base, ModelProgram program, int[] ids) {
        this.program = program;
        weights = new BaseMatrices(base);
        this.ids = ids;
        wanted = program.ops().filter(Op.Virtual.class::isInstance).count();
    }

    /** What lies, of each token, where the adapter's tensors go; by their names. */
    Map<String, float[]> run() {
        for (BlockProgram block : program.blocks()) {
            Map<Value, double[][]> values = new HashMap<>();
            block.in().ifPresent(in -> values.put(in, stream));
            for (Op op : block.ops()) {
                if (made.size() == wanted) {
                    return made;
                }
                double[][] out = apply(op, values);
                op.makes().ifPresent(value -> values.put(value, out));
            }
            block.out().ifPresent(value -> stream = values.get(value));
        }
        return made;
    }

    private double[][] apply(Op op, Map<Value, double[][]> values) {
        return switch (op) {
            case Op.Lookup lookup -> lookUp(lookup);
            case Op.Copy copy -> values.get(copy.in());
            case Op.Norm norm -> norm(norm, values.get(norm.in()));
            case Op.NormHeads norm -> normHeads(norm, values.get(norm.in()));
            case Op.Linear linear -> multiply(linear, values.get(linear.in()));
            case Op.Rotate rotate -> rotate(rotate, values.get(rotate.in()));
            case Op.Attend attend -> attend(attend, values.get(attend.in()));
            case Op.Activate activate ->
                    each(
                            values.get(activate.in()),
                            (row, i) -> Smooth.of(activate.activation(), row[i]));
            case Op.Gate gate -> {
                double[][] up = values.get(gate.up());
                double[][] in = values.get(gate.gate());
                double[][] out = new double[in.length][];
                for (int t = 0; t < in.length; t++) {
                    double[] ups = up[t];
                    out[t] = row(in[t], (row, i) -> ups[i] * Smooth.of(gate.activation(), row[i]));
                }
                yield out;
            }
            case Op.GateHalves gate -> {
                double[][] in = values.get(gate.in());
                double[][] out = new double[in.length][gate.out().width()];
                for (int t = 0; t < in.length; t++) {
                    for (int i = 0; i < out[t].length; i++) {
                        double up = in[t][out[t].length + i];
                        out[t][i] = up * Smooth.of(gate.activation(), in[t][i]);
                    }
                }
                yield out;
            }
            case Op.Times times ->
                    each(values.get(times.in()), (row, i) -> times.factor() * row[i]);
            case Op.Add add -> {
                double[][] summand = values.get(add.summand());
                double[][] in = values.get(add.in());
                double[][] out = new double[in.length][];
                for (int t = 0; t < in.length; t++) {
                    double[] other = summand[t];
                    out[t] = row(in[t], (row, i) -> row[i] + other[i]);
                }
                yield out;
            }
            case Op.Virtual virtual -> {
                double[][] in = values.get(virtual.in());
                made.put(virtual.tensor().name(), columns(virtual, in));
                yield in;
            }
            case MixtureOp mixture -> mix(mixture, values);
            case Op.Scale scale -> values.get(scale.in()); // begins at one
            case LatentOp latent -> lay(latent, values);
            case Bottleneck beside -> throw new IllegalStateException("no prompt has " + beside);
            case Op.Score score -> throw new IllegalStateException("nobody asked for " + score);
        };
    }

    private double[][] mix(MixtureOp op, Map<Value, double[][]> values) {
        return switch (op) {
            case MixtureOp.GateRows gate -> {
                double[][] gates = values.get(gate.gate());
                double[][] in = values.get(gate.in());
                double[][] out = new double[in.length][];
                for (int t = 0; t < in.length; t++) {
                    double share = 1 / (1 + StrictMath.exp(-gates[t][0]));
                    out[t] = row(in[t], (row, i) -> share * row[i]);
                }
                yield out;
            }
            case MixtureOp.Route route -> {
                double[][] in = values.get(route.in());
                double[][] out = new double[in.length][route.out().width()];
                weights.multiply(route.router(), in, out, 0);
                double[] corrections =
                        route.route()
                                .correction()
                                .map(name -> weights.vector(name, route.route().experts()))
                                .orElse(null);
                Arrays.stream(out).forEach(row -> route.route().weigh(row, corrections));
                yield out;
            }
            case MixtureOp.Experts experts -> {
                double[][] in = values.get(experts.in());
                double[][] out = each(values.get(experts.hidden()), (row, i) -> row[i]);
                for (int expert = 0; expert < experts.experts().size(); expert++) {
                    addExpert(experts, expert, in, values.get(experts.routes()), out);
                }
                yield out;
            }
        };
    }

    private void addExpert(
            MixtureOp.Experts op, int number, double[][] in, double[][] routes, double[][] out) {
        ExpertSpec expert = op.experts().get(number);
        int inner = expert.inner();
        // Gates first, or each before what it gates.
        double[][] both = new double[in.length][2 * inner];
        double[][] gated = new double[in.length][inner];
        double[][] made = new double[in.length][op.out().width()];
        if (!expert.isJoined()) {
            weights.multiply(expert.gate(), in, both, 0);
        }
        weights.multiply(expert.up(), in, both, expert.isJoined() ? 0 : inner);
        boolean turns = op.unit().alternating();
        for (int t = 0; t < in.length; t++) {
            for (int i = 0; i < inner; i++) {
                double gate = both[t][turns ? 2 * i : i];
                double up = both[t][turns ? 2 * i + 1 : inner + i];
                gated[t][i] = meet(op.unit(), gate, up);
            }
        }
        weights.multiply(expert.down(), gated, made, 0);
        for (int t = 0; t < in.length; t++) {
            for (int i = 0; i < out[t].length && routes[t][number] != 0; i++) {
                out[t][i] += routes[t][number] * made[t][i];
            }
        }
    }

    private static double meet(GatedUnit unit, double gate, double up) {
        if (!unit.isLimited()) {
            return Smooth.of(unit.activation(), gate) * up;
        }
        double most = unit.limit();
        double held = Smooth.of(unit.activation(), Math.min(gate, most));
        return held * (Math.clamp(up, -most, most) + 1);
    }

    private static double[][] lay(LatentOp op, Map<Value, double[][]> values) {
        return switch (op) {
            case LatentOp.Columns columns ->
                    Arrays.stream(values.get(columns.in()))
                            .map(row ->
                                    Arrays.copyOfRange(
                                            row,
                                            columns.start(),
                                            columns.start() + columns.out().width()))
                            .toArray(double[][]::new);
            case LatentOp.Join join -> {
                double[][] queries = values.get(join.queries());
                double[][] out = new double[queries.length][join.out().width()];
                for (int t = 0; t < queries.length; t++) {
                    double[] expanded = values.get(join.expanded())[t];
                    join(join.heads(), queries[t], expanded, values.get(join.shared())[t], out[t]);
                }
                yield out;
            }
        };
    }

    private static void join(
            LatentHeads heads, double[] queries, double[] expanded, double[] shared, double[] out) {
        System.arraycopy(queries, 0, out, 0, queries.length);
        int own = heads.still() + heads.value();
        for (int head = 0; head < heads.count(); head++) {
            int key = queries.length + head * heads.dim();
            int value = 2 * queries.length + head * heads.value();
            int first = shared.length - heads.turned();
            System.arraycopy(expanded, head * own, out, key, heads.still());
            System.arraycopy(shared, first, out, key + heads.still(), heads.turned());
            System.arraycopy(expanded, head * own + heads.still(), out, value, heads.value());
        }
    }

    private static float[] columns(Op.Virtual op, double[][] in) {
        HeadColumns columns = op.columns();
        int part = op.width() / columns.count();
        float[] rows = new float[op.tokens() * op.width()];
        for (int token = 0; token < op.tokens(); token++) {
            for (int i = 0; i < op.width(); i++) {
                int column = columns.start() + i / part * columns.stride() + i % part;
                rows[token * op.width() + i] = (float) (in[token][column] / op.scale());
            }
        }
        return rows;
    }

    /** A number of a row, made of its number i. */
    @FunctionalInterface
    private interface Entry {
        double of(double[] row, int i);
    }

    private static double[] row(double[] in, Entry entry) {
        double[] out = new double[in.length];
        Arrays.setAll(out, i -> entry.of(in, i));
        return out;
    }

    private static double[][] each(double[][] in, Entry entry) {
        return Arrays.stream(in).map(row -> row(row, entry)).toArray(double[][]::new);
    }

    private int index(Op.Index index, int token) {
        return switch (index) {
            case ID -> ids[token];
            case POSITION -> token;
            case TEXT_POSITION, SEGMENT, ROW ->
                    throw new IllegalStateException("no decoder looks up by " + index);
        };
    }

    private double[][] lookUp(Op.Lookup op) {
        double[][] out = new double[ids.length][];
        for (int token = 0; token < ids.length; token++) {
            float[] stored =
                    weights.row(
                            op.table().name(),
                            index(op.index(), token) + op.offset(),
                            op.table().width());
            double[] made = new double[stored.length];
            Arrays.setAll(made, i -> (double) op.scale() * stored[i]);
            out[token] = made;
        }
        return out;
    }

    private double[][] norm(Op.Norm op, double[][] in) {
        double[] factor = factors(op.norm(), 1);
        double[] summand = weights.vector(op.norm().bias(), op.norm().width());
        double[][] out = each(in, (row, i) -> row[i]);
        for (double[] row : out) {
            norm(op.norm(), factor, summand, row, 0);
        }
        return out;
    }

    private double[][] normHeads(Op.NormHeads op, double[][] in) {
        NormSpec norm = op.norm();
        double[] factor = factors(norm, op.factors());
        double[] summand = weights.vector(norm.bias(), norm.width());
        double[][] out = each(in, (row, i) -> row[i]);
        for (double[] row : out) {
            for (int head = 0; head < op.heads().count(); head++) {
                int start = op.heads().start() + head * op.heads().stride();
                int own = op.apart() ? head * norm.width() : 0;
                double[] factorOfHead = Arrays.copyOfRange(factor, own, own + norm.width());
                norm(norm, factorOfHead, summand, row, start);
            }
        }
        return out;
    }

    private double[] factors(NormSpec norm, int count) {
        return row(
                weights.vector(norm.weight(), count * norm.width()),
                (row, i) -> row[i] + norm.weightOffset());
    }

    private static void norm(
            NormSpec norm, double[] factor, double[] summand, double[] row, int start) {
        int width = norm.width();
        double mean = 0;
        if (norm.kind() == NormSpec.Kind.LAYER) {
            for (int i = 0; i < width; i++) {
                mean += row[start + i] / width;
            }
        }
        double squares = 0;
        for (int i = 0; i < width; i++) {
            double apart = row[start + i] - mean;
            squares += apart * apart / width;
        }
        double scale = 1 / Math.sqrt(squares + norm.epsilon());
        for (int i = 0; i < width; i++) {
            row[start + i] = (row[start + i] - mean) * scale * factor[i] + summand[i];
        }
    }

    private double[][] multiply(Op.Linear op, double[][] in) {
        double[][] out = new double[in.length][op.out().width()];
        int column = 0;
        for (LinearSpec matrix : op.matrices()) {
            weights.multiply(matrix, in, out, column);
            column += matrix.outputs();
        }
        return out;
    }

    private static double[][] rotate(Op.Rotate op, double[][] in) {
        double[][] out = each(in, (row, i) -> row[i]);
        RopeSpec rope = op.rope().ofLength(out.length);
        for (int position = 0; position < out.length; position++) {
            for (HeadColumns heads : List.of(op.heads().queries(), op.heads().keys())) {
                for (int head = 0; head < heads.count(); head++) {
                    turn(rope, position, out[position], heads.column(head));
                }
            }
        }
        return out;
    }

    private static void turn(RopeSpec rope, int position, double[] row, int start) {
        int half = rope.dims() / 2;
        for (int i = 0; i < half; i++) {
            // A float product, as the checkpoints' own code has it.
            float angle = position * rope.inverseFrequencies().get(i);
            double cosine = StrictMath.cos(angle) * rope.attentionFactor();
            double sine = StrictMath.sin(angle) * rope.attentionFactor();
            int one = start + (rope.neighbours() ? 2 * i : i);
            int other = one + (rope.neighbours() ? 1 : half);
            double first = row[one];
            double second = row[other];
            row[one] = first * cosine - second * sine;
            row[other] = second * cosine + first * sine;
        }
    }

    private double[][] attend(Op.Attend op, double[][] in) {
        AttendSpec attention = op.attention();
        HeadsSpec heads = attention.heads();
        int dim = heads.valueDim();
        double[] sinks = sinks(attention);
        int group = heads.queries().count() / heads.keys().count();
        double[][] out = new double[in.length][heads.contextWidth()];
        for (int token = 0; token < in.length; token++) {
            int from = first(attention.mask(), token);
            int to = end(attention.mask(), token, in.length);
            for (int head = 0; head < heads.queries().count(); head++) {
                int query = heads.queries().column(head);
                int key = heads.keys().column(head / group);
                int value = heads.values().column(head / group);
                double slope = attention.slopes().isEmpty() ? 0 : attention.slopes().get(head);
                double[] shares =
                        shares(attention, slope, sinks[head], in, from, to, token, query, key);
                for (int at = from; at < to; at++) {
                    for (int i = 0; i < dim; i++) {
                        out[token][head * dim + i] += shares[at - from] * in[at][value + i];
                    }
                }
            }
        }
        return out;
    }

    /** Of each head the score that has no value. */
    private double[] sinks(AttendSpec attention) {
        int heads = attention.heads().queries().count();
        double[] none = new double[heads];
        Arrays.fill(none, Double.NEGATIVE_INFINITY);
        return attention.sinks().map(name -> weights.vector(name, heads)).orElse(none);
    }

    private static int first(Mask mask, int position) {
        return switch (mask) {
            case Mask.Causal(), Mask.Full() -> 0;
            case Mask.Window(int positions) -> Math.max(0, position + 1 - positions);
            case Mask.Around(int reach) -> Math.max(0, position - reach);
        };
    }

    private static int end(Mask mask, int position, int positions) {
        return switch (mask) {
            case Mask.Causal(), Mask.Window(_) -> position + 1;
            case Mask.Full() -> positions;
            case Mask.Around(int reach) -> Math.min(positions, position + 1 + reach);
        };
    }

    private static double[] shares(
            AttendSpec attention,
            double slope,
            double sink,
            double[][] in,
            int from,
            int to,
            int token,
            int query,
            int key) {
        double[] shares = new double[to - from];
        double greatest = Double.NEGATIVE_INFINITY;
        for (int at = from; at < to; at++) {
            double score = 0;
            for (int i = 0; i < attention.heads().dim(); i++) {
                score += in[token][query + i] * in[at][key + i];
            }
            score *= attention.scale();
            float cap = attention.softcap();
            shares[at - from] = cap == 0 ? score : cap * StrictMath.tanh(score / cap);
            shares[at - from] += slope * (at - token);
            greatest = Math.max(greatest, shares[at - from]);
        }
        greatest = Math.max(greatest, sink);
        double sum = StrictMath.exp(sink - greatest);
        for (int i = 0; i < shares.length; i++) {
            shares[i] = StrictMath.exp(shares[i] - greatest);
            sum += shares[i];
        }
        for (int i = 0; i < shares.length; i++) {
            shares[i] /= sum;
        }
        return shares;
    }
}
