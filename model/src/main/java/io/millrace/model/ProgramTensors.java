package io.millrace.model;

import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RouteSpec;
import io.millrace.model.spec.TableSpec;
import io.millrace.model.spec.TensorSpec;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Every tensor that a model's operators have, each once.
 *
 * @param embedding of what begins the stream
 * @param layers each layer's, those of its experts apart
 * @param experts each layer's experts', one by one
 * @param head of what makes logits, without the table where it is the embedding's
 */
public record ProgramTensors(
        List<TensorSpec> embedding,
        List<List<TensorSpec>> layers,
        List<List<List<TensorSpec>>> experts,
        List<TensorSpec> head) {

    /** Freezes the lists. */
    public ProgramTensors {
        embedding = List.copyOf(embedding);
        layers = List.copyOf(layers);
        experts = List.copyOf(experts);
        head = List.copyOf(head);
    }

    /** The tensors of a model. */
    public static ProgramTensors of(ModelProgram program) {
        Optional<String> tied = program.tied();
        return new ProgramTensors(
                tensors(program.embedding()).toList(),
                program.layers().stream().map(layer -> tensors(layer).toList()).toList(),
                program.layers().stream().map(ProgramTensors::experts).toList(),
                tensors(program.head())
                        .filter(tensor -> !tied.equals(Optional.of(tensor.name())))
                        .toList());
    }

    /**
     * What an adapter adds beside each block, in the order of a step's visits; no checkpoint of the
     * model has these, and they are trained.
     */
    public static List<List<TensorSpec>> beside(ModelProgram program) {
        return program.blocks().stream()
                .map(block ->
                        block.ops().stream().flatMap(ProgramTensors::besides).distinct().toList())
                .toList();
    }

    private static Stream<TensorSpec> besides(Op op) {
        return op instanceof Op.Beside adapter
                ? adapter.tensors().stream()
                : op.products().flatMap(ProgramTensors::factors);
    }

    private static Stream<TensorSpec> factors(LinearSpec linear) {
        return linear.side().stream()
                .flatMap(side -> {
                    List<Long> first = List.of((long) side.rank(), (long) linear.inputs());
                    List<Long> second = List.of((long) linear.outputs(), (long) side.rank());
                    return Stream.of(
                            new TensorSpec(
                                    side.first(),
                                    first,
                                    side.windows().isPresent()
                                            ? TensorSpec.Initial.WINDOWS
                                            : TensorSpec.Initial.FAN_IN),
                            new TensorSpec(side.second(), second, TensorSpec.Initial.ZERO));
                });
    }

    /** All of them. */
    public Stream<TensorSpec> all() {
        return Stream.of(
                        embedding.stream(),
                        layers.stream().flatMap(List::stream),
                        experts.stream().flatMap(List::stream).flatMap(List::stream),
                        head.stream())
                .flatMap(part -> part);
    }

    private static Stream<TensorSpec> tensors(BlockProgram block) {
        // A matrix may take part in several products.
        return block.ops().stream().flatMap(ProgramTensors::tensors).distinct();
    }

    private static List<List<TensorSpec>> experts(BlockProgram block) {
        return block.experts().stream()
                .flatMap(mixture -> mixture.experts().stream())
                .map(expert -> expert.matrices().flatMap(ProgramTensors::linear).toList())
                .toList();
    }

    private static Stream<TensorSpec> tensors(Op op) {
        return switch (op) {
            case Op.Lookup lookup -> Stream.of(table(lookup.table()));
            case Op.Norm norm -> norm(norm.norm());
            case Op.NormHeads norm when norm.apart() ->
                    Stream.of(
                            new TensorSpec(
                                    norm.norm().weight(),
                                    List.of((long) norm.factors(), (long) norm.norm().width()),
                                    TensorSpec.Initial.ONE));
            case Op.NormHeads norm -> norm(norm.norm());
            case Op.Linear linear -> linear.matrices().stream().flatMap(ProgramTensors::linear);
            case MixtureOp.Route route ->
                    Stream.concat(linear(route.router()), corrections(route.route()));
            case Op.Attend attend -> sinks(attend.attention());
            case Op.Score score -> linear(score.logits());
            case Op.Copy _,
                    Op.Rotate _,
                    Op.Activate _,
                    Op.Gate _,
                    Op.GateHalves _,
                    MixtureOp.GateRows _,
                    MixtureOp.Experts _,
                    LatentOp _,
                    Op.Times _,
                    Op.Add _,
                    Op.Beside _ ->
                    Stream.empty();
        };
    }

    private static Stream<TensorSpec> linear(LinearSpec linear) {
        TensorSpec matrix =
                linear.inputMajor()
                        ? matrix(linear.weight(), linear.inputs(), linear.outputs())
                        : matrix(linear.weight(), linear.outputs(), linear.inputs());
        return Stream.concat(Stream.of(matrix), bias(linear.bias(), linear.outputs()));
    }

    private static Stream<TensorSpec> corrections(RouteSpec route) {
        return route.correction().stream()
                .map(name -> vector(name, route.experts(), TensorSpec.Initial.BUFFER));
    }

    private static Stream<TensorSpec> sinks(AttendSpec attention) {
        int heads = attention.heads().queries().count();
        return attention.sinks().stream()
                .map(name -> vector(name, heads, TensorSpec.Initial.NOISE));
    }

    private static Stream<TensorSpec> norm(NormSpec norm) {
        TensorSpec factor =
                vector(
                        norm.weight(),
                        norm.width(),
                        norm.weightOffset() == 0
                                ? TensorSpec.Initial.ONE
                                : TensorSpec.Initial.ZERO);
        return Stream.concat(Stream.of(factor), bias(norm.bias(), norm.width()));
    }

    private static Stream<TensorSpec> bias(String name, long width) {
        return Stream.ofNullable(name).map(one -> vector(one, width, TensorSpec.Initial.ZERO));
    }

    private static TensorSpec table(TableSpec table) {
        return matrix(table.name(), table.rows(), table.width());
    }

    private static TensorSpec matrix(String name, long rows, long columns) {
        return new TensorSpec(name, List.of(rows, columns), TensorSpec.Initial.NOISE);
    }

    private static TensorSpec vector(String name, long width, TensorSpec.Initial initial) {
        return new TensorSpec(name, List.of(width), initial);
    }
}
