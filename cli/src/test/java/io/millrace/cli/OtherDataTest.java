package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every option that changes what is trained on is told by the examples that it makes. */
class OtherDataTest {
    private static final Path SAMPLES = Path.of("..", "samples");

    @TempDir Path temp;

    private List<String> tune(Path train, List<String> options) {
        List<String> run =
                new ArrayList<>(List.of("tune", "--model=" + SAMPLES.resolve("tiny-lm")));
        run.addAll(List.of("--train=" + train, "--out=" + temp.resolve("out")));
        run.addAll(List.of("--steps=1", "--batch-size=2"));
        run.addAll(options);
        return run;
    }

    private void refused(RealCommand command, Path train, List<String> options) {
        List<String> run = RealCommand.with(tune(train, options), "--resume");
        assertThat(command.refused(run))
                .contains(temp.resolve("out").resolve("journal.jsonl") + ": field 'data' is ")
                .contains(", and " + train + " makes ");
    }

    @Test
    void ofRunningText() throws IOException {
        Path train = temp.resolve("train.txt");
        Files.write(
                train,
                IntStream.range(0, 40).mapToObj(line -> "a film of " + line + " hours").toList());
        RealCommand command = new RealCommand(temp);
        command.done(tune(train, List.of("--seq-len=16")));
        for (String option : List.of("--no-pack", "--eval-split=0.2")) {
            refused(command, train, List.of("--seq-len=16", option));
        }
        refused(command, train, List.of("--seq-len=12"));
        command.done(RealCommand.with(tune(train, List.of("--seq-len=16")), "--resume"));
    }

    @Test
    void ofLabelledText() throws IOException {
        Path train = temp.resolve("train.jsonl");
        List<String> lines = Files.readAllLines(SAMPLES.resolve("reviews-train.jsonl"));
        Files.write(train, lines.subList(0, 8));
        RealCommand command = new RealCommand(temp);
        String template = "--template={text} verdict :";
        String words = "--label-words= terrible, great";
        command.done(tune(train, List.of(template, words)));
        refused(command, train, List.of("--template={text} it was", words));
        refused(command, train, List.of(template, "--label-words= great, terrible"));
        Files.write(train, lines.subList(1, 9));
        refused(command, train, List.of(template, words));
    }
}
