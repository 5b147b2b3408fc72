package io.millrace.executor.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Golden;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.cuda.weight.DeviceScratchPlan;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.ModelLayout;
import io.millrace.model.ProgramTensors;
import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.adapter.cores.TensorTrainSettings;
import io.millrace.model.architecture.known.Architectures;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.Answers;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.TensorSpec;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.SubspaceDirection;
import io.millrace.optim.estimate.Questions;
import io.millrace.prefetch.plan.Operation;
import io.millrace.prefetch.plan.StepWork;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever reads programs knows every operator of every architecture, and counts the same ones. */
class InterpretersTest {
    /** Of families whose tiny models are not among the golden ones. */
    private static final Map<String, String> OTHERS =
            Map.of(
                    "gemma",
                            """
                            {"model_type": "gemma", "vocab_size": 320, "hidden_size": 64,
                             "intermediate_size": 112, "num_hidden_layers": 2, "head_dim": 20,
                             "num_attention_heads": 4, "num_key_value_heads": 1}\
                            """,
                    "gemma2",
                            """
                            {"model_type": "gemma2", "vocab_size": 320, "hidden_size": 64,
                             "intermediate_size": 112, "num_hidden_layers": 3, "head_dim": 20,
                             "num_attention_heads": 4, "num_key_value_heads": 2,
                             "sliding_window": 6}\
                            """,
                    "gpt_neox",
                            """
                            {"model_type": "gpt_neox", "vocab_size": 320, "hidden_size": 64,
                             "intermediate_size": 128, "num_hidden_layers": 3,
                             "num_attention_heads": 4, "max_position_embeddings": 64}\
                            """);

    /** What operators are of, and none themselves. */
    private static final Set<Class<?>> FAMILIES =
            Set.of(Op.Beside.class, Op.Changing.class, MixtureOp.class, LatentOp.class);

    static Stream<String> models() {
        return Stream.of(
                        Golden.FOLDERS.stream(),
                        Golden.FORWARD_ONLY.stream(),
                        Golden.decoders().stream(),
                        Golden.encoders().stream(),
                        OTHERS.keySet().stream().sorted())
                .flatMap(names -> names);
    }

    private static ModelProgram program(String model) {
        JsonObject fields;
        if (OTHERS.containsKey(model)) {
            fields = Json.parseObject(OTHERS.get(model));
        } else if (Golden.decoders().contains(model)) {
            fields = Golden.json("decoders/" + model).object("config");
        } else if (Golden.encoders().contains(model)) {
            fields = Golden.json("encoders/" + model).object("config");
        } else {
            fields = Golden.json(model + "/config.json");
        }
        return NamedArchitectures.program(
                ModelConfig.of(model, new JsonObject(new LinkedHashMap<>(fields.fields()))));
    }

    @Test
    void theModelsHereAreOfEveryArchitectureAndHaveEveryOperator() {
        Set<String> types =
                models().map(InterpretersTest::program)
                        .map(ModelProgram::modelType)
                        .collect(Collectors.toSet());
        assertThat(Architectures.modelTypes())
                .filteredOn(type -> !type.startsWith("toy") && !type.startsWith("panelled-"))
                .allMatch(types::contains);
        Set<Class<?>> used = new HashSet<>();
        models().map(InterpretersTest::program)
                .flatMap(ModelProgram::ops)
                .forEach(op -> used.add(op.getClass()));
        // What an adapter has between them is in no model.
        assertThat(Op.class.getPermittedSubclasses()).contains(Op.Beside.class);
        assertThat(
                        Stream.of(Op.class, Op.Changing.class, MixtureOp.class, LatentOp.class)
                                .flatMap(kind -> Stream.of(kind.getPermittedSubclasses())))
                .filteredOn(kind -> !FAMILIES.contains(kind))
                .containsExactlyInAnyOrderElementsOf(used);
    }

    /** On every device; products of E4M3 take one query after another. */
    @ParameterizedTest
    @CsvSource({"NATIVE, false, 1", "NATIVE, true, 1", "FP8, true, 8"})
    void queriesOfThinFactorsAreReckonedInOneProduct(Matmul matmul, boolean card, int times) {
        ModelProgram program = program("llama");
        ModelLayout layout = ModelLayout.of(program, DType.F32);
        Arithmetic arithmetic =
                new Arithmetic(
                        new SubspaceDirection(1, 2, 4), false, false, Rounding.NEAREST, 4, matmul);
        StepCosts.Shape one =
                new StepCosts.Shape(
                        2, 2, 8, 7, RuleCosts.usual(arithmetic), Questions.each(1, 2), 2, card);
        StepWork alone = StepCosts.of(program, layout, one);
        StepWork eight = StepCosts.of(program, layout, one.asking(Questions.each(8, 2)));
        assertThat(count(eight, Operation.Matmul.class::isInstance))
                .isEqualTo(times * count(alone, Operation.Matmul.class::isInstance));
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyInterpreterCountsTheSameOperators(String model) {
        ModelProgram program = program(model);
        ModelLayout layout = ModelLayout.of(program, DType.BF16);
        assertThat(layout.visits()).hasSameSizeAs(program.blocks());
        assertThat(layout.order()).hasSize(program.blocks().size() + (int) experts(program));
        StepCosts.Shape shape =
                new StepCosts.Shape(
                        4,
                        2,
                        8,
                        7,
                        RuleCosts.usual(Arithmetic.PLAIN),
                        Questions.each(1, 2),
                        2,
                        false);
        StepWork work = StepCosts.of(program, layout, shape);
        int passes = shape.microBatches();
        long matrices = program.ops().flatMap(Op::products).count();
        assertThat(count(work, Operation.Matmul.class::isInstance)).isEqualTo(passes * matrices);
        assertThat(count(work, Operation.Attend.class::isInstance))
                .isEqualTo(passes * count(program, Op.Attend.class));
        assertThat(passes(work, Operation.Kind.ROTARY))
                .isEqualTo(passes * count(program, Op.Rotate.class));
        assertThat(passes(work, Operation.Kind.NORM))
                .isEqualTo(
                        passes
                                * (count(program, Op.Norm.class)
                                        + count(program, Op.NormHeads.class)));
        assertThat(passes(work, Operation.Kind.RELU) + passes(work, Operation.Kind.ACTIVATION))
                .isEqualTo(
                        passes
                                * (count(program, Op.Activate.class)
                                        + count(program, Op.Gate.class)
                                        + count(program, Op.GateHalves.class)
                                        + count(program, Op.Times.class)
                                        + count(program, MixtureOp.Route.class)
                                        + count(program, MixtureOp.GateRows.class)
                                        + experts(program)));
        assertThat(passes(work, Operation.Kind.LOSS)).isEqualTo(passes);
        long stored =
                operations(work)
                        .filter(operation ->
                                operation instanceof Operation.Form form && form.stores())
                        .count();
        long trained =
                layout.blocks().stream()
                        .flatMap(block -> block.tensors().stream())
                        .filter(TensorSlot::isTrained)
                        .count();
        assertThat(stored).as("tensors that a step stores").isEqualTo(trained);
    }

    @ParameterizedTest
    @MethodSource("models")
    void memoryIsNoMoreThanAPlaceForEachKindOfState(String model) {
        ModelProgram program = program(model);
        ScratchSize size = ScratchSize.batches(4, 2, 24, Questions.each(1, 2));
        long rows = (long) size.scalesAtOnce() * size.microBatchRows();
        long widest = 0;
        for (Class<? extends Op> kind :
                List.of(
                        Op.Norm.class,
                        Op.Attend.class,
                        Op.Activate.class,
                        Op.Gate.class,
                        Op.GateHalves.class)) {
            int places = kind == Op.Gate.class ? 2 : kind == Op.GateHalves.class ? 3 : 1;
            widest += widest(program, kind) * places;
        }
        widest += passing(program) + widest(program, MixtureOp.Route.class) + joined(program);
        ScratchPlan host = ScratchPlan.of(program, size, 2, DType.F32);
        long rounding = 4L * HostMemory.PAGE_BYTES / Float.BYTES;
        assertThat(host.states().length()).isBetween(rows, rows * widest + rounding);
        // No card routes tokens to experts.
        boolean mixed = program.ops().anyMatch(MixtureOp.class::isInstance);
        for (DType type : mixed ? List.<DType>of() : List.of(DType.F32, DType.BF16)) {
            ModelLayout layout = ModelLayout.of(program, type);
            DeviceScratchPlan device =
                    DeviceScratchPlan.of(
                            program, layout, size, PanelSizes.DEFAULT, 0, Optional.empty(), false);
            assertThat(device.program().states().length())
                    .isBetween(rows, rows * widest * Float.BYTES);
        }
    }

    /**
     * Before what is activated, and behind what reads that: two in a layer, or three with a gate.
     */
    static Stream<String> decodersWithoutExperts() {
        return models().filter(model -> {
            ModelProgram program = program(model);
            return program.answers() == Answers.NEXT
                    && program.ops().noneMatch(MixtureOp.class::isInstance);
        });
    }

    @ParameterizedTest
    @MethodSource("decodersWithoutExperts")
    void everyFeedForwardPartHasItsBottlenecks(String model) {
        ModelProgram program = program(model);
        AdapterSettings settings =
                new TensorTrainSettings(List.of(TensorTrainSettings.AUTO), 6, 2, "");
        ModelProgram trained = settings.of(program, program).program();
        long gates = count(program, Op.Gate.class);
        assertThat(count(trained, Bottleneck.class))
                .isEqualTo(2L * program.layers().size() + gates);
        ModelLayout layout =
                ModelLayout.of(program, DType.BF16).withBeside(ProgramTensors.beside(trained));
        assertThat(layout.tuned().tensorCount()).isEqualTo(14 * count(trained, Bottleneck.class));
    }

    @ParameterizedTest
    @MethodSource("models")
    void aTensorIsNamedOnce(String model) {
        List<String> names = ProgramTensors.of(program(model)).all().map(TensorSpec::name).toList();
        assertThat(new HashSet<>(names)).hasSameSizeAs(names);
    }

    private static long widest(ModelProgram program, Class<? extends Op> kind) {
        return program.ops()
                .filter(kind::isInstance)
                .mapToLong(op -> op.makes().orElseThrow().width())
                .max()
                .orElse(0);
    }

    /** The most numbers a token that any operator has for itself. */
    private static long passing(ModelProgram program) {
        return program.ops()
                .mapToLong(op -> op.passing().stream().mapToLong(Value::width).sum())
                .max()
                .orElse(0);
    }

    /** What heads over a latent vector are joined of, and that vector. */
    private static long joined(ModelProgram program) {
        return program.ops()
                        .filter(LatentOp.Join.class::isInstance)
                        .mapToLong(op -> op.reads().stream().mapToLong(Value::width).sum())
                        .max()
                        .orElse(0)
                + widest(program, LatentOp.Columns.class);
    }

    private static long count(ModelProgram program, Class<? extends Op> kind) {
        return program.ops().filter(kind::isInstance).count();
    }

    /** So many tokens are expected to choose each of the few. */
    private static long experts(ModelProgram program) {
        return program.ops()
                .filter(MixtureOp.Experts.class::isInstance)
                .mapToLong(op -> ((MixtureOp.Experts) op).experts().size())
                .sum();
    }

    private static Stream<Operation> operations(StepWork work) {
        List<Operation> all = new ArrayList<>();
        work.visits().forEach(visit -> all.addAll(visit.folding()));
        return all.stream();
    }

    private static long count(StepWork work, Predicate<Operation> wanted) {
        return operations(work).filter(wanted).count();
    }

    private static long passes(StepWork work, Operation.Kind kind) {
        return count(
                work, operation -> operation instanceof Operation.Pass pass && pass.kind() == kind);
    }
}
