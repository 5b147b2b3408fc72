package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.millrace.memory.DType;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders, journals and budgets that a run cannot have. */
class RefusedRunTest {
    @TempDir Path temp;
    private Path model;
    private Path data;
    private Path out;
    private RealCommand command;

    @BeforeEach
    void writeModel() throws IOException {
        model = TestModel.write(temp.resolve("model"), DType.BF16, 3, 64);
        data = TestModel.data(temp.resolve("ids.jsonl"), 6);
        out = temp.resolve("out");
        command = new RealCommand(temp);
    }

    @ParameterizedTest
    @CsvSource({
        "model/config.json/out",
        "model/config.json",
        "ids.jsonl",
        "/proc/out",
        "/proc/version/out"
    })
    void tuneReplayAndSynthRefuseAPlaceThatCannotBeWritten(String place) throws IOException {
        command.done(tune("--out=" + out));
        String there = "--out=" + temp.resolve(place);

        assertThat(command.refused(tune(there))).contains(place);
        assertThat(command.refused(replay(there))).contains(place);
        assertThat(command.refused(List.of("synth", "--arch=opt-125m", "--dtype=bfloat16", there)))
                .contains(place);
    }

    @Test
    void tuneRefusesFoldersThatAreNotItsOwn() throws IOException {
        assertThat(command.refused(tune("--out=" + model)))
                .contains(model + " is the base model's folder");
        Path other = Files.createDirectory(temp.resolve("other"));
        Files.createFile(other.resolve("letter.txt"));
        assertThat(command.refused(tune("--out=" + other))).contains(other + " is not empty");
        command.done(tune("--out=" + out));
        assertThat(command.refused(tune("--out=" + out))).contains(out.toString(), "add --resume");
        assertThat(command.refused(tune("--out=" + temp.resolve("new"), "--resume")))
                .contains("--resume", "new", "journal.jsonl");
        assertThat(command.refused(tune("--out=" + other, "--resume")))
                .contains("--resume", "journal.jsonl");
    }

    /** What is made of a journal alone is not made of one whose steps need the gradient. */
    @Test
    void nothingIsMadeOfAJournalOfGradients() throws IOException {
        command.done(tune("--out=" + out, "--method=lomo", "--rounding=stochastic"));
        assertThat(command.refused(replay("--out=" + temp.resolve("again"))))
                .contains("is of a run with lomo, whose steps need the gradient");
        assertThat(
                        command.refused(
                                List.of(
                                        "export",
                                        "--peft",
                                        "--model=" + model,
                                        "--journal=" + out.resolve("journal.jsonl"),
                                        "--out=" + temp.resolve("adapter"))))
                .contains("journal.jsonl");
    }

    @ParameterizedTest
    @CsvSource({"search, --data", "sensitive, --train"})
    void whatGoesByLossesTakesNoMethodOfGradients(String name, String texts) {
        assertThat(
                        command.refused(
                                List.of(
                                        name,
                                        "--model=" + model,
                                        texts + "=" + data,
                                        "--method=adamw",
                                        "--out=" + temp.resolve("found"))))
                .contains("adamw");
    }

    @Test
    void nothingIsWrittenOverAModelThatExists() throws IOException {
        command.done(tune("--out=" + out));
        Path other = TestModel.write(temp.resolve("other"), DType.BF16, 3, 64);

        assertThat(command.refused(replay("--out=" + out))).contains(out.toString());
        assertThat(command.refused(replay("--out=" + model))).contains(model.toString());
        assertThat(
                        command.refused(
                                List.of(
                                        "synth",
                                        "--config=" + model.resolve("config.json"),
                                        "--dtype=bfloat16",
                                        "--out=" + other)))
                .contains(other.toString());
    }

    @Test
    void tuneRefusesAFolderThatAnotherRunHolds() throws Exception {
        command.done(tune("--out=" + out));
        try (FileChannel channel =
                        FileChannel.open(
                                out.resolve(".millrace.lock"),
                                StandardOpenOption.CREATE,
                                StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            assertThat(lock.isValid()).isTrue();
            assertThat(command.refused(tune("--out=" + out, "--resume", "--steps=4")))
                    .contains(out + " is in use by another run");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "--seed=5, run_seed",
        "--queries=2, queries",
        "--batch-size=3, batch_size",
        "--fold-every=2, fold_every",
        "--rounding=stochastic, rounding",
        "--perturbation=rademacher, direction",
        "--optimizer=mezo-adam, optimizer",
        "--weight-decay=0.5, weight_decay",
        "--dtype=float32, dtype",
        "--no-shuffle, shuffle",
        "--eps=1e-2, eps",
        "--lr=1e-2, lr",
        "--steps=1, --steps"
    })
    void resumeRefusesOtherOptions(String option, String field) {
        command.done(tune("--out=" + out));

        assertThat(command.refused(tune("--out=" + out, "--resume", option))).contains(field);
    }

    @Test
    void onlyCardsComputeOnTf32AndFp8() {
        for (String device : List.of("cpu", "emulated")) {
            for (String type : List.of("tf32", "fp8")) {
                List<String> run = tune("--out=" + out, "--matmul=" + type, "--device=" + device);
                assertThat(command.refused(run))
                        .contains("--matmul: " + type + " products need a cuda device")
                        .contains("--device cuda:0");
            }
        }
        assertThat(out).doesNotExist();
    }

    @Test
    void resumeAndReplayRefuseOtherWeights() throws IOException {
        command.done(tune("--out=" + out));
        TestModel.setLastElement(model, 0x3c01);

        assertThat(command.refused(tune("--out=" + out, "--resume", "--steps=4")))
                .contains(out.resolve("journal.jsonl").toString(), "'base'");
        assertThat(command.refused(replay("--out=" + temp.resolve("replayed"))))
                .contains(out.resolve("journal.jsonl").toString(), "'base'");
    }

    @ParameterizedTest
    @CsvSource({"''", "'{\"millrace_journal\":1,\"run_se'"})
    void aRunThatWasKilledWithinItsHeaderStartsAnew(String start) throws IOException {
        Files.createDirectory(out);
        Files.writeString(out.resolve("journal.jsonl"), start);

        assertThat(command.refused(tune("--out=" + out, "--resume")))
                .contains("journal.jsonl", "no whole header", "start the run anew");
        command.done(tune("--out=" + out));
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "2, 2", "3, 3", "4, 4"})
    void resumeAndReplayRefuseACorruptedLine(int line, int said) throws IOException {
        command.done(tune("--out=" + out));
        Path journal = out.resolve("journal.jsonl");
        List<String> lines = new ArrayList<>(Files.readAllLines(journal));
        lines.set(line - 1, lines.get(line - 1).replaceFirst("[0-9](?=[^0-9]*$)", "x"));
        Files.write(journal, lines);

        assertThat(command.refused(tune("--out=" + out, "--resume")))
                .contains(journal + ", line " + said);
        assertThat(command.refused(replay("--out=" + temp.resolve("replayed"))))
                .contains(journal + ", line " + said);
    }

    @Test
    void replayRefusesAJournalThatLacksLines() throws IOException {
        command.done(tune("--out=" + out));
        Path journal = out.resolve("journal.jsonl");
        List<String> lines = Files.readAllLines(journal);
        Files.write(journal, List.of(lines.get(0), lines.get(1), lines.get(3)));
        assertThat(command.refused(replay("--out=" + temp.resolve("replayed"))))
                .contains("line 3", "step 3 where 2 is due");

        Files.writeString(journal, "");
        assertThat(command.refused(replay("--out=" + temp.resolve("replayed"))))
                .contains(journal.toString(), "header");

        Files.writeString(journal, String.join("\n", lines));
        assertThat(command.refused(replay("--out=" + temp.resolve("replayed"))))
                .contains(journal.toString(), "line 4");
    }

    @Test
    void budgetsThatAreTooSmallNameTheSmallestThatWorks() {
        for (List<String> budget :
                List.of(
                        List.of("--host-budget="),
                        List.of("--device-budget=", "--device=emulated"))) {
            List<String> run =
                    RealCommand.with(tune(), "--out=" + temp.resolve("o" + budget.size()));
            run.addAll(budget.subList(1, budget.size()));
            String option = budget.getFirst();
            String line = command.refused(RealCommand.with(run, option + "4KiB"));
            long smallest = Long.parseLong(LongRun.smallest(line));
            assertThat(line).contains(option.substring(0, option.length() - 1));
            assertThat(command.refused(RealCommand.with(run, option + (smallest - 1))))
                    .contains("at least " + smallest);
            command.done(RealCommand.with(run, option + smallest));
            // What is named for people is enough, too.
            String named = line.replaceFirst("(?s).*at least \\d+ \\((\\S+)\\).*", "$1");
            assertThat(named).endsWith("iB");
            List<String> again =
                    RealCommand.with(tune(), "--out=" + temp.resolve("n" + budget.size()));
            again.addAll(budget.subList(1, budget.size()));
            command.done(RealCommand.with(again, option + named));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "--trace=/nope/t.json, --trace: there is no folder /nope",
        "--trace=/proc/t.json, --trace: /proc/t.json cannot be written",
        "--trace=/proc, --trace: /proc is a folder",
        "--nvme-dir=/proc/version, --nvme-dir: /proc/version is not a folder",
        "--nvme-dir=/proc/store, --nvme-dir: /proc/store cannot be made: /proc cannot be written",
        "--device-budget=1GiB, --device-budget: the cpu has no memory beside",
        "--batch-size=40000000, --batch-size: 40000000 sequences of",
        "--queries=2000000000, --queries: 2000000000 of them"
    })
    void optionsAreHeldAgainstTheMachineBeforeARunBegins(String option, String line)
            throws IOException {
        // One row as long as the model takes.
        Files.writeString(data, "{\"input_ids\":[" + "1,".repeat(63) + "1]}\n");
        String more = option.startsWith("--batch") ? "--micro-batch=40000000" : "--prefetch=2";

        assertThat(command.refused(tune("--out=" + out, option, more))).contains(line);
        assertThat(out).doesNotExist();
    }

    @Test
    void foldersForWorkThatIsThrownAwayAreRefusedWithAMend() {
        List<String> work = List.of("--model=" + model, "--train=" + data);
        assertThat(
                        command.refused(
                                Stream.concat(Stream.of("find", "--nvme-dir=/proc"), work.stream())
                                        .toList()))
                .contains("/proc: no folder can be made there", "--nvme-dir");
        assertThat(
                        command.refused(
                                Stream.concat(Stream.of("profile", "--out=/proc/p"), work.stream())
                                        .toList()))
                .contains("--out: /proc/p cannot be made; give a folder");
    }

    @Test
    void synthRefusesATypeThatNothingIsTunedIn() {
        assertThat(
                        command.refused(
                                List.of(
                                        "synth",
                                        "--arch=opt-125m",
                                        "--dtype=int8",
                                        "--out=" + out)))
                .contains("'int8' is not float32, bfloat16 or float16");
    }

    @Test
    void weightsThatAreNoNumbersAnyMoreAreNotSaved() {
        List<String> run = tune("--out=" + out, "--dtype=float32", "--steps=1", "--lr=1e38");
        assertThat(command.failed(run))
                .contains("by step 1 tensor '", "weights that are not finite", "lower --lr");
        assertThat(RealCommand.contents(out).keySet())
                .noneMatch(name -> name.endsWith(".safetensors"));

        // Nor does the journal make a model of them.
        Path replayed = temp.resolve("replayed");
        assertThat(command.failed(replay("--out=" + replayed)))
                .contains("by step 1 tensor '", "weights that are not finite");
        assertThat(RealCommand.contents(replayed)).containsOnlyKeys("");
        command.done(RealCommand.with(replay("--out=" + replayed), "--until=0"));
    }

    @ParameterizedTest
    @CsvSource({
        "/nope/out.safetensors, there is no folder /nope",
        "/proc/out.safetensors, /proc/out.safetensors cannot be written",
        "/proc, /proc is a folder"
    })
    void aForwardIsRefusedAPlaceThatItCannotWriteBeforeItReadsAnything(String place, String line) {
        // Neither model nor input is there.
        assertThat(
                        command.refused(
                                List.of(
                                        "forward",
                                        "--model=" + temp.resolve("none"),
                                        "--input=" + temp.resolve("none"),
                                        "--output=" + place)))
                .contains("--output: " + line);
    }

    @ParameterizedTest
    @ValueSource(strings = {"[1,16777217]", "[16777217,1]"})
    void aForwardIsRefusedMoreIdsThanItsLogitsHaveRoomFor(String shape) throws IOException {
        String header =
                "{\"input_ids\":{\"dtype\":\"U8\",\"shape\":SHAPE,\"data_offsets\":[0,16777217]}}";
        Path input = temp.resolve("ids.safetensors");
        byte[] json = header.replace("SHAPE", shape).getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile file = new RandomAccessFile(input.toFile(), "rw")) {
            file.writeLong(Long.reverseBytes(json.length));
            file.write(json);
            file.setLength(file.getFilePointer() + 16777217);
        }
        assertThat(
                        command.refused(
                                List.of(
                                        "forward",
                                        "--model=" + model,
                                        "--input=" + input,
                                        "--output=" + out)))
                .contains("input_ids has 16777217 ids; give at most 16777216");
    }

    @Test
    void aDemoIsRefusedItsFolderBeforeItShowsAnything() {
        assertThat(command.refused(List.of("demo", "--out=/proc/demo")))
                .contains("--out: /proc/demo cannot be made");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/dev/zero", "/proc", "/nope/machine.json"})
    void whatWasProbedIsNoFileOfAnyOtherKind(String file) {
        assertThat(command.refused(List.of("plan", "--model=" + model, "--machine=" + file)))
                .contains(file);
        assertThat(
                        command.refused(
                                List.of(
                                        "profile",
                                        "--model=" + model,
                                        "--train=" + data,
                                        "--out=" + out,
                                        "--probe=" + file)))
                .contains(file);
    }

    @Test
    void anNvmeBudgetThatIsTooSmallIsRefused() {
        model = TestModel.write(temp.resolve("large"), DType.BF16, 12, 192);
        String host = LongRun.smallest(command.refused(tune("--out=" + out, "--host-budget=4KiB")));
        List<String> run =
                tune("--out=" + out, "--host-budget=" + host, "--nvme-dir=" + temp.resolve("nvme"));
        String line = command.refused(RealCommand.with(run, "--nvme-budget=4KiB"));
        assertThat(line).contains("--nvme-budget");
        command.done(RealCommand.with(run, "--nvme-budget=" + LongRun.smallest(line)));
    }

    @ParameterizedTest
    @CsvSource({"cuda:0", "cuda:99", "tpu"})
    void tuneRefusesADeviceThatIsNotThere(String device) {
        assumeThat(Path.of("/dev/nvidia0")).doesNotExist();

        assertThat(command.refused(tune("--out=" + out, "--device=" + device)))
                .contains("--device");
    }

    /** A short run; what is given goes before what it has by itself. */
    private List<String> tune(String... more) {
        List<String> run = new ArrayList<>(List.of("tune", "--model=" + model, "--train=" + data));
        for (String option : List.of("--steps=3", "--batch-size=2")) {
            String name = option.substring(0, option.indexOf('=') + 1);
            if (Arrays.stream(more).noneMatch(given -> given.startsWith(name))) {
                run.add(option);
            }
        }
        return RealCommand.with(run, more);
    }

    private List<String> replay(String place) {
        return List.of(
                "replay", "--model=" + model, "--journal=" + out.resolve("journal.jsonl"), place);
    }
}
