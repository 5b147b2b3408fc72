package io.millrace.executor.schedule;

import io.millrace.executor.step.RotaryTable;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import io.millrace.model.spec.SideSpec;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** What a model's operators ask of scratch memory beside the places of states, on any device. */
public final class OperatorNeeds {
    private final List<List<LinearSpec>> products = new ArrayList<>();
    private final Set<RopeSpec> ropes = new LinkedHashSet<>();
    private final LinearSpec logits;
    private long vectorLength = 1;
    private final int heldWidth;
    private int keptWidth;
    private int tableWidth;
    private int headDim;
    private int betweenFloats;

    /** Those of a model. */
    public OperatorNeeds(ModelProgram program) {
        logits = program.score().logits();
        program.ops().forEach(this::count);
        heldWidth =
                program.blocks().stream()
                        .mapToInt(block -> block.held().stream().mapToInt(Value::width).sum())
                        .max()
                        .orElse(0);
    }

    private void count(Op op) {
        switch (op) {
            case Op.Lookup lookup -> tableWidth = Math.max(tableWidth, lookup.table().width());
            case Op.Norm norm -> vectors(norm.norm());
            case Op.NormHeads norm -> vectors(norm.norm());
            case Op.Linear linear -> {
                products.add(linear.matrices());
                // Side by side, as what they are added to.
                biases(linear.matrices());
            }
            case Op.Rotate rotate -> ropes.add(rotate.rope());
            case Op.Attend attend -> headDim = Math.max(headDim, attend.attention().heads().dim());
            case MixtureOp.Route route -> products.add(List.of(route.router()));
            case MixtureOp.Experts experts ->
                    experts.products().forEach(matrix -> products.add(List.of(matrix)));
            case Op.Score score -> biases(List.of(score.logits()));
            case Op.Scale scale -> vectorLength = Math.max(vectorLength, scale.tensor().elements());
            case Op.Virtual virtual ->
                    vectorLength = Math.max(vectorLength, virtual.tensor().elements());
            case Bottleneck bottleneck -> {
                vectorLength = Math.max(vectorLength, BottleneckPlaces.of(bottleneck).floats());
                int rank = Math.max(bottleneck.down().rank(), bottleneck.up().rank());
                betweenFloats = Math.max(betweenFloats, bottleneck.width() + rank);
            }
            case Op.Copy _,
                    Op.Activate _,
                    Op.Gate _,
                    Op.GateHalves _,
                    MixtureOp.GateRows _,
                    Op.Times _,
                    Op.Add _ -> {
                // They work on states alone.
            }
        }
        op.makes()
                .filter(value -> value.memory() == Value.Memory.KEPT)
                .ifPresent(value -> keptWidth = Math.max(keptWidth, value.width()));
    }

    private void vectors(NormSpec norm) {
        vectorLength = Math.max(vectorLength, norm.width());
    }

    private void biases(List<LinearSpec> matrices) {
        if (matrices.stream().anyMatch(matrix -> matrix.bias() != null)) {
            long outputs = matrices.stream().mapToLong(LinearSpec::outputs).sum();
            vectorLength = Math.max(vectorLength, outputs);
        }
    }

    /** The matrices of each product in order, those of the logits apart. */
    public List<List<LinearSpec>> products() {
        return products;
    }

    /** The matrix of the logits. */
    public LinearSpec logits() {
        return logits;
    }

    /** Every matrix that states are multiplied with. */
    public Stream<LinearSpec> matrices() {
        return Stream.concat(products.stream().flatMap(List::stream), Stream.of(logits));
    }

    /** Floats of the thin factors beside one matrix, the second also turned; 0 for none. */
    public long thinFloats() {
        return matrices()
                .flatMap(matrix ->
                        matrix.side().stream()
                                .map(side ->
                                        side.rank() * (matrix.inputs() + 2L * matrix.outputs())))
                .mapToLong(Long::longValue)
                .max()
                .orElse(0);
    }

    /** The most columns of a thin factor beside a matrix; 0 where there are none. */
    public int thinRank() {
        return matrices()
                .flatMap(matrix -> matrix.side().stream())
                .mapToInt(SideSpec::rank)
                .max()
                .orElse(0);
    }

    /** Floats of a row in the middle of a bottleneck, and of a thin product; 0 without any. */
    public int betweenFloats() {
        return betweenFloats;
    }

    /** The widest input of any matrix. */
    public int widestInput() {
        return matrices().mapToInt(LinearSpec::inputs).max().orElseThrow();
    }

    /** Floats of the longest vector that is formed: biases, and norms' two. */
    public long vectorLength() {
        return vectorLength;
    }

    /** Elements of the widest row that later tokens need. */
    public int keptWidth() {
        return keptWidth;
    }

    /** Elements of the widest row that waits for the experts of its layer. */
    public int heldWidth() {
        return heldWidth;
    }

    /** Elements of the widest row that is looked up. */
    public int tableWidth() {
        return tableWidth;
    }

    /** Elements of the largest head. */
    public int headDim() {
        return headDim;
    }

    /** The rotary embeddings, each once. */
    public Set<RopeSpec> ropes() {
        return ropes;
    }

    /** Floats of the tables of all of them. */
    public long rotaryFloats(int positions) {
        return ropes.stream().mapToLong(rope -> RotaryTable.tableFloats(rope, positions)).sum();
    }
}
