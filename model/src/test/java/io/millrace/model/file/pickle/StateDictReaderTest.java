package io.millrace.model.file.pickle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.DType;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class StateDictReaderTest {
    private static final int MANY = 1000;

    @Test
    void readsTensorsByName() throws IOException {
        byte[] pickle =
                PickleBytes.dict()
                        .tensor("a", "FloatStorage", "0", 12, 6, 2, 3)
                        .tensor("b", "BFloat16Storage", "1", 1, 0)
                        .endDict();

        assertThat(StateDictReader.read(new ByteArrayInputStream(pickle), MANY))
                .containsExactly(
                        Map.entry(
                                "a",
                                new PickledTensor(
                                        new PickledStorage("0", DType.F32, 12),
                                        6,
                                        List.of(2L, 3L),
                                        List.of(3L, 1L))),
                        Map.entry(
                                "b",
                                new PickledTensor(
                                        new PickledStorage("1", DType.BF16, 1),
                                        0,
                                        List.of(),
                                        List.of())));
    }

    /** Each would do something in a pickle machine that runs what it reads. */
    static Stream<Arguments> hostile() {
        return Stream.of(
                refused(
                        "os.system",
                        "asks for posix.system, which is neither looked up nor run",
                        call("posix", "system").text("touch /tmp/x").op(0x85, 'R', '.')),
                refused("eval", "asks for builtins.eval", call("builtins", "eval")),
                refused("getattr", "asks for __builtin__.getattr", call("__builtin__", "getattr")),
                refused(
                        "import",
                        "asks for importlib.import_module",
                        call("importlib", "import_module")),
                refused(
                        "torch.load",
                        "asks for torch.storage._load_from_bytes",
                        call("torch.storage", "_load_from_bytes")),
                refused("hub", "asks for torch.hub.load", call("torch.hub", "load")),
                refused(
                        "dotted",
                        "asks for torch.FloatStorage.__class__",
                        call("torch", "FloatStorage.__class__")),
                refused("control characters", "asks for a?[31m.b", call("a\u001b[31m", "b")),
                refused(
                        "a long name",
                        "asks for a name of more than 256",
                        call("a".repeat(1000), "b")),
                refused("INST", "has the opcode INST (0x69)", start().op('(', 'i')),
                refused("OBJ", "has the opcode OBJ (0x6f)", start().op('(', 'o')),
                refused("NEWOBJ", "has the opcode NEWOBJ (0x81)", start().op(')', 0x81)),
                refused("STACK_GLOBAL", "has the opcode STACK_GLOBAL (0x93)", start().op(0x93)),
                refused("EXT1", "has the opcode EXT1 (0x82)", start().op(0x82, 1)),
                refused("PERSID", "has the opcode PERSID (0x50)", start().op('P')),
                refused("no opcode", "has the opcode 0xff", start().op(0xFF)),
                refused("protocol 4", "is of protocol 4", new PickleBytes().op(0x80, 4)),
                refused(
                        "a storage called as a function",
                        "calls torch.FloatStorage",
                        call("torch", "FloatStorage").op(')', 'R', '.')),
                refused(
                        "a string called",
                        "calls what is no function",
                        start().text("f").op(')', 'R')),
                refused(
                        "attributes of a tensor",
                        "sets attributes of an object",
                        start().op(']', '}', 'b', '.')),
                refused(
                        "attributes of a dict",
                        "sets attributes of an object",
                        start().op('}', '}').text("__class__").op('K', 1, 's', 'b', '.')),
                refused(
                        "a list as a key",
                        "has a key that is no string",
                        start().op('}', ']', 'K', 1, 's', '.')),
                refused(
                        "a dict within itself",
                        "holds more than tensors by name, such as the entry 'a'",
                        start().op('}', 'q', 0).text("a").op('h', 0, 's', '.')),
                refused("a list", "holds no state dict", start().op(']', '.')),
                refused("a number", "holds no state dict", start().op('K', 1, '.')),
                refused("two values", "leaves more than one value", start().op('}', '}', '.')),
                refused("nothing", "takes a value that is not there", start().op('.')),
                refused(
                        "below the mark",
                        "takes a value that is not there",
                        start().op('}', '(', '.')),
                refused("no mark", "down to a mark that is not there", start().op('}', 't')),
                refused("memo", "recalls value 7, which it never had", start().op('h', 7)),
                refused(
                        "memo far away",
                        "remembers value 4294967295 out of order",
                        start().op('}', 'r', 255, 255, 255, 255)),
                refused(
                        "a huge string",
                        "has a string of 4294967295 bytes",
                        start().op('X', 255, 255, 255, 255)),
                refused("a huge number", "has a number of 255 bytes", start().op(0x8A, 255)),
                refused("cut short", "ends in its midst", start().op('X', 3, 0, 0, 0, 'a')),
                refused("empty", "ends in its midst", new PickleBytes()),
                refused("no UTF-8", "has a string that is not UTF-8", start().op('U', 1, 0xFF)),
                refused(
                        "negative shape",
                        "has a tensor whose shape is not natural numbers",
                        PickleBytes.dict().tensor("a", "FloatStorage", "0", 1, 0, -1)),
                refused(
                        "too few strides",
                        "a stride too many or too few",
                        PickleBytes.dict()
                                .tensor(
                                        "a",
                                        "FloatStorage",
                                        "0",
                                        1,
                                        0,
                                        new long[] {1, 1},
                                        new long[] {1})),
                refused(
                        "a storage of another type",
                        "asks for torch.ComplexFloatStorage",
                        PickleBytes.dict().tensor("a", "ComplexFloatStorage", "0", 1, 0, 1)),
                refused(
                        "a storage that is none",
                        "persistent id that is no storage's",
                        start().op(']', 'Q')));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("hostile")
    void refusesAllElseByName(String name, String said, byte[] pickle) {
        assertThatThrownBy(() -> StateDictReader.read(new ByteArrayInputStream(pickle), MANY))
                .isInstanceOf(PickleFormatException.class)
                .hasMessageContaining(said);
    }

    @Test
    void whatAPickleMakesIsBounded() {
        byte[] containers = new byte[9_000_000];
        Arrays.fill(containers, (byte) '}');
        assertThatThrownBy(() -> StateDictReader.read(new ByteArrayInputStream(containers), MANY))
                .hasMessageContaining("makes more than 8000000 values");
        PickleBytes tensors = PickleBytes.dict();
        for (int i = 0; i < 4; i++) {
            tensors.tensor("t" + i, "FloatStorage", "0", 1, 0, 1);
        }
        byte[] four = tensors.endDict();
        assertThatThrownBy(() -> StateDictReader.read(new ByteArrayInputStream(four), 3))
                .hasMessageContaining("has more than 3 tensors");
    }

    @Test
    void noBytesAtAllDoMoreThanBeRefused() throws IOException {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        byte[] sound =
                PickleBytes.dict()
                        .tensor("a", "FloatStorage", "0", 12, 6, 2, 3)
                        .tensor("b", "HalfStorage", "1", 4, 0, 2, 2)
                        .endDict();
        for (int round = 0; round < 20_000; round++) {
            byte[] changed = sound.clone();
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
            }
            try {
                StateDictReader.read(new ByteArrayInputStream(changed), MANY);
            } catch (PickleFormatException refused) {
                assertThat(refused.getMessage()).as("seed %d", seed).isNotEmpty();
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ", round " + round, e);
            }
        }
    }

    private static PickleBytes start() {
        return new PickleBytes().op(0x80, 2);
    }

    private static PickleBytes call(String module, String name) {
        return start().global(module, name);
    }

    private static Arguments refused(String name, String said, PickleBytes pickle) {
        return Arguments.of(name, said, pickle.bytes());
    }
}
