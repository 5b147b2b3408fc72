package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.mask.MaskFile;
import io.millrace.optim.mask.Masks;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A run whose elements a file lists: what moves, what it keeps, and files that are no good. */
class MaskFileRunTest {
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String NORM = "model.norm.weight";

    @TempDir Path temp;
    private Path data;
    private Path lists;

    @BeforeEach
    void write() throws IOException {
        data = Runs.data(temp, 3, 8);
        lists =
                MaskLists.write(
                        temp.resolve("lists.safetensors"),
                        Map.of(
                                EMBEDDING + ".indices", new long[] {3, 64, 65, 66, 700},
                                NORM + ".indices", new long[] {0, 63}));
    }

    private TuneConfigBuilder config(String out, Path file) {
        return Runs.config("llama", data, temp.resolve(out))
                .dtype(DType.F32)
                .weightDecay(0)
                .lr(1e-2)
                .mask("indices")
                .method(Masks.FILE, file);
    }

    private Path run(String out, Path file) {
        return TuningRun.run(config(out, file).build(), RunListener.SILENT).out();
    }

    private static Set<String> moved(Path base, Path tuned) {
        Set<String> moved = new TreeSet<>();
        try (SafetensorsFile was = SafetensorsFile.open(base.resolve("model.safetensors"));
                SafetensorsFile is = SafetensorsFile.open(tuned.resolve("model.safetensors"))) {
            for (TensorInfo tensor : is.tensors().values()) {
                float[] before = was.readFloats(tensor.name());
                float[] after = is.readFloats(tensor.name());
                for (int i = 0; i < after.length; i++) {
                    if (before[i] != after[i]) {
                        moved.add(tensor.name() + " " + i);
                    }
                }
            }
        }
        return moved;
    }

    @Test
    void whatIsListedMovesAndNothingElse() {
        assertThat(moved(Golden.path("llama"), run("out", lists)))
                .containsExactlyInAnyOrder(
                        EMBEDDING + " 3",
                        EMBEDDING + " 64",
                        EMBEDDING + " 65",
                        EMBEDDING + " 66",
                        EMBEDDING + " 700",
                        NORM + " 0",
                        NORM + " 63");
    }

    /** The run needs the file no more once it has begun, and its journal knows another's. */
    @Test
    void aRunKeepsACopyThatItsJournalKnows() throws IOException {
        Path out = temp.resolve("out");
        byte[] bytes = Files.readAllBytes(lists);
        String fingerprint = MaskFile.fingerprint(lists);
        assertThat(TuningRun.run(config("out", lists).build(), Runs.stopAfter(3)).interrupted())
                .isTrue();
        Path journal = out.resolve("journal.jsonl");
        Path copy = out.resolve("mask").resolve("indices.safetensors");
        assertThat(copy).hasBinaryContent(bytes);
        assertThat(JournalReader.read(journal).header().extra())
                .containsEntry("mask", "indices")
                .containsEntry("mask_indices", fingerprint);

        Path other =
                MaskLists.write(
                        temp.resolve("other.safetensors"),
                        Map.of(NORM + ".indices", new long[] {0, 62}));
        assertThatThrownBy(() ->
                        TuningRun.run(
                                config("out", other).resume(true).build(), RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("field 'mask_indices' is " + fingerprint)
                .hasMessageContaining("give the --mask-file that the run began with");

        Files.delete(copy);
        TuningRun.run(config("out", lists).resume(true).build(), RunListener.SILENT);
        assertThat(copy).hasBinaryContent(bytes);
        Files.delete(lists);
        Replay.run(Golden.path("llama"), journal, temp.resolve("rebuilt"));
        assertThat(temp.resolve("rebuilt").resolve("model.safetensors"))
                .hasSameBinaryContentAs(out.resolve("model.safetensors"));

        Files.copy(other, copy, StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> Replay.run(Golden.path("llama"), journal, temp.resolve("no")))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("field 'mask_indices' is " + fingerprint);
        Files.delete(copy);
        assertThatThrownBy(() -> Replay.run(Golden.path("llama"), journal, temp.resolve("no")))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("there is no such file")
                .hasMessageContaining("put the --mask-file of the run there");
    }

    static Stream<Arguments> bad() {
        return Stream.of(
                Arguments.of(Map.of(NORM + ".indices", new long[] {64}), "64 at place 0"),
                Arguments.of(Map.of(NORM + ".indices", new long[] {-1}), "-1 at place 0"),
                Arguments.of(Map.of(NORM + ".indices", new long[] {5, 4}), "ascending order"),
                Arguments.of(Map.of(NORM + ".indices", new long[] {5, 5}), "5 at place 1"),
                Arguments.of(Map.of(NORM + ".indices", new long[0]), "is empty"),
                Arguments.of(Map.of("x.indices", new long[] {1}), "'x.indices' is of no tensor"),
                Arguments.of(Map.of(NORM, new long[] {1}), "'" + NORM + "' is of no tensor"),
                Arguments.of(Map.of(), "lists no element"));
    }

    @ParameterizedTest
    @MethodSource("bad")
    void listsThatAreNoGoodAreRefused(Map<String, long[]> refused, String why) {
        Path file = MaskLists.write(temp.resolve("bad.safetensors"), refused);
        refused(file, why);
    }

    private void refused(Path file, String why) {
        assertThatThrownBy(() -> run("refused", file))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(why);
        assertThat(temp.resolve("refused")).doesNotExist();
    }

    @Test
    void filesThatAreNoListsAreRefused() throws IOException {
        refused(temp.resolve("none"), "there is no such file");
        byte[] whole = Files.readAllBytes(lists);
        refused(
                Files.write(temp.resolve("cut"), Arrays.copyOf(whole, whole.length - 1)),
                "download or write the file again");
        refused(Files.writeString(temp.resolve("text"), "1, 2, 3"), "too few");
        for (DType dtype : List.of(DType.F32, DType.I16, DType.BOOL)) {
            refused(one("of", dtype, List.of(2L)), "is of " + dtype);
        }
        refused(one("matrix", DType.I32, List.of(1L, 2L)), "of one axis");
    }

    private Path one(String name, DType dtype, List<Long> shape) {
        Path file = temp.resolve(name);
        SafetensorsWriter.Entry entry =
                new SafetensorsWriter.Entry(NORM + ".indices", dtype, shape);
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, Map.of(), List.of(entry))) {
            byte[] bytes = new byte[Math.toIntExact(entry.sizeBytes())];
            writer.write(entry.name(), MemorySegment.ofArray(bytes));
            writer.commit();
        }
        return file;
    }

    /** Lists may be of tensors that --tune leaves, and of no others. */
    @Test
    void listsOfFrozenTensorsAreRefused() {
        TuneConfigBuilder some = config("refused", lists).tune("!*embed*");
        assertThatThrownBy(() -> TuningRun.run(some.build(), RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(EMBEDDING)
                .hasMessageContaining("--tune");
    }
}
