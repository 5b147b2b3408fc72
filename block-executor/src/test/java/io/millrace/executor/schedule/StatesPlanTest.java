package io.millrace.executor.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Golden;
import io.millrace.executor.cpu.scratch.CpuFusing;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** No value is written over before its last reader, and no more memory is asked for than helps. */
class StatesPlanTest {
    private static final int HIDDEN = 6;

    @Test
    void noTwoLiveValuesShareMemory() {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int round = 0; round < 400; round++) {
            List<Schedule> blocks = new ArrayList<>();
            for (int block = 0; block <= random.nextInt(3); block++) {
                blocks.add(Schedule.of(program(random, "block " + block), fusing(random)));
            }
            check(blocks, "seed " + seed + ", round " + round);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"opt", "opt-350m", "gpt2", "llama", "mistral", "qwen2", "qwen3"})
    void noLiveValuesOfAModelShareMemory(String name) {
        ModelConfig config = ModelConfig.of(name, Golden.json(name + "/config.json"));
        check(CpuFusing.schedules(NamedArchitectures.program(config)), name);
    }

    @Test
    void statesOfAGatedLayerNeedItsWidestPlaceAlone() {
        Value in = Value.stream("in", HIDDEN);
        Value normed = Value.states("normed", HIDDEN);
        Value up = Value.states("up", 20);
        Value gate = Value.states("gate", 20);
        Value inner = Value.states("inner", 20);
        Value result = Value.states("result", HIDDEN);
        BlockProgram block =
                new BlockProgram(
                        "layer",
                        Optional.of(in),
                        List.of(
                                new Op.Norm(norm(HIDDEN), in, normed),
                                new Op.Linear(matrix(HIDDEN, 20), normed, up),
                                new Op.Linear(matrix(HIDDEN, 20), normed, gate),
                                new Op.Gate(Activation.SILU, gate, up, inner),
                                new Op.Linear(matrix(20, HIDDEN), inner, result),
                                new Op.Add(in, result, Value.stream("out", HIDDEN))));
        Schedule schedule = Schedule.of(block, fusing(true));
        StatesPlan plan = StatesPlan.of(List.of(schedule), (_, value) -> value.width());
        assertThat(schedule.stages()).hasSize(5);
        assertThat(plan.length()).isEqualTo(HIDDEN + 20 + 20);
        assertThat(plan.offset(0, inner)).isEqualTo(plan.offset(0, gate));
    }

    /** Plays the stages on memory whose every cell knows what was written there last. */
    private static void check(List<Schedule> blocks, String as) {
        StatesPlan plan = StatesPlan.of(blocks, (_, value) -> value.width());
        long mostAtOnce = 0;
        long all = 0;
        for (int block = 0; block < blocks.size(); block++) {
            Value[] memory = new Value[Math.toIntExact(plan.length())];
            List<Stage> stages = blocks.get(block).stages();
            for (int at = 0; at < stages.size(); at++) {
                Stage stage = stages.get(at);
                String where = as + ", " + blocks.get(block).name() + ", " + stage;
                List<Value> reads = states(stage.reads().stream());
                for (Value value : reads) {
                    int from = Math.toIntExact(plan.offset(block, value));
                    for (int cell = from; cell < from + value.width(); cell++) {
                        assertThat(memory[cell]).as(where).isEqualTo(value);
                    }
                }
                for (Value made : states(stage.makes().stream())) {
                    int from = Math.toIntExact(plan.offset(block, made));
                    Optional<Value> old = stage.replaces().or(stage::mayReplace);
                    for (int cell = from; cell < from + made.width(); cell++) {
                        boolean inPlace = old.equals(Optional.ofNullable(memory[cell]));
                        assertThat(inPlace || !reads.contains(memory[cell])).as(where).isTrue();
                        memory[cell] = made;
                    }
                    for (Value replaced : states(stage.replaces().stream())) {
                        assertThat(plan.offset(block, replaced)).as(where).isEqualTo(from);
                    }
                    all += made.width();
                }
            }
            mostAtOnce = Math.max(mostAtOnce, mostAtOnce(stages));
        }
        assertThat(plan.length()).as(as).isBetween(mostAtOnce, Math.max(all, mostAtOnce));
    }

    /** The most that lives between two stages. */
    private static long mostAtOnce(List<Stage> stages) {
        Map<String, Value> live = new TreeMap<>();
        long most = 0;
        for (int at = stages.size() - 1; at >= 0; at--) {
            states(stages.get(at).makes().stream()).forEach(value -> live.remove(value.name()));
            states(stages.get(at).reads().stream()).forEach(value -> live.put(value.name(), value));
            most = Math.max(most, live.values().stream().mapToLong(Value::width).sum());
        }
        return most;
    }

    private static List<Value> states(Stream<Value> values) {
        return values.filter(value -> value.memory() == Value.Memory.STATES).toList();
    }

    /** A program of operators that read whatever is there. */
    private static BlockProgram program(Random random, String name) {
        Value stream = Value.stream("in", HIDDEN);
        Optional<Value> in = Optional.of(stream);
        List<Value> there = new ArrayList<>(List.of(stream));
        List<Op> ops = new ArrayList<>();
        for (int at = 0; at < 3 + random.nextInt(20); at++) {
            Value x = there.get(random.nextInt(there.size()));
            int width = random.nextBoolean() ? x.width() : 1 + random.nextInt(9);
            Value copy = Value.states("v" + at, x.width());
            Value other = Value.states("v" + at, width);
            boolean isStream = x.memory() == Value.Memory.STREAM;
            Value changed = new Value("v" + at, x.width(), x.rows(), x.memory());
            Op op =
                    switch (random.nextInt(6)) {
                        case 0 -> new Op.Norm(norm(x.width()), x, isStream ? copy : changed);
                        case 1 -> new Op.Linear(matrix(x.width(), width), x, other);
                        case 2 -> new Op.Copy(x, copy);
                        case 3 -> new Op.Activate(Activation.RELU, x, changed);
                        case 4 -> sum(x, there, changed);
                        default -> gate(x, there, changed);
                    };
            if (op != null) {
                ops.add(op);
                op.replaces().ifPresent(there::remove);
                there.add(op.makes().orElseThrow());
            }
        }
        return new BlockProgram(name, in, ops);
    }

    private static Op sum(Value in, List<Value> there, Value out) {
        return beside(in, there, false).map(summand -> new Op.Add(in, summand, out)).orElse(null);
    }

    private static Op gate(Value in, List<Value> there, Value out) {
        return beside(in, there, true)
                .map(up -> new Op.Gate(Activation.SILU, in, up, out))
                .orElse(null);
    }

    private static Optional<Value> beside(Value in, List<Value> there, boolean alike) {
        return there.stream()
                .filter(value -> !value.equals(in) && value.width() == in.width())
                .filter(value -> !alike || value.memory() == in.memory())
                .findAny();
    }

    private static NormSpec norm(int width) {
        return new NormSpec(NormSpec.Kind.RMS, "n", null, width, 1e-6f, 0);
    }

    private static LinearSpec matrix(int inputs, int outputs) {
        return new LinearSpec("w", null, inputs, outputs, false);
    }

    private static Schedule.Fusing fusing(Random random) {
        return fusing(random.nextBoolean());
    }

    private static Schedule.Fusing fusing(boolean inPassing) {
        return new Schedule.Fusing() {
            @Override
            public boolean adds(Op op) {
                return inPassing && (op instanceof Op.Linear || op instanceof Op.Norm);
            }

            @Override
            public boolean copies(Op op) {
                return inPassing && op instanceof Op.Norm;
            }
        };
    }
}
