package io.millrace.model.text.data;

import static io.millrace.model.text.Fixtures.STORIES_VOCAB;
import static io.millrace.model.text.Fixtures.storiesDir;
import static io.millrace.model.text.Fixtures.toyTokenizer;
import static io.millrace.model.text.Fixtures.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.DataKind;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import io.millrace.model.text.TextStream;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.row.Utf8Lines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class DatasetReaderTest {
    private static final int NO = Example.NOT_SCORED;

    @TempDir Path dir;

    private Tokenizer tokenizer = Tokenizer.of(storiesDir());

    @AfterEach
    void close() {
        tokenizer.close();
    }

    @Test
    void readsPlainTextAsOneStreamWithoutABeginningMark() {
        String text = "Lily saw a dog.\n\nThe dog was big.\n";
        Dataset dataset = read("a.txt", text, options(8));
        assertThat(dataset.kind()).isEqualTo(DataKind.PLAIN_TEXT);
        assertThat(joined(dataset)).isEqualTo(tokenizer.encode(text, false));
        assertThat(dataset.examples().getFirst().length()).isEqualTo(8);
        assertThat(dataset.maxLength()).isEqualTo(8);
    }

    @Test
    void readsCarriageReturnsAndAByteOrderMarkAsIfTheyWereNotThere() {
        int[] plain = joined(read("a.txt", "Lily\nTim 😀\n", options(64)));
        assertThat(joined(read("b.txt", "\uFEFFLily\r\nTim 😀\r\n", options(64)))).isEqualTo(plain);
        Dataset json = read("c.jsonl", "\uFEFF{\"text\":\"Lily\"}\r\n\r\n  \n\n", options(8));
        assertThat(joined(json))
                .isEqualTo(joined(read("d.jsonl", "{\"text\":\"Lily\"}", options(8))));
    }

    @Test
    void joinsDocumentsWithTheEndMarkBetweenThem() {
        Dataset dataset = read("a.jsonl", "{\"text\":\"Lily\"}\n{\"text\":\"Tim\"}\n", options(4));
        int[] expected =
                Tokenizer.concat(
                        tokenizer.encode("Lily", true),
                        new int[] {2},
                        tokenizer.encode("Tim", true),
                        new int[] {2});
        assertThat(joined(dataset)).isEqualTo(expected);
        assertThat(((TextStream) dataset).tokenCount()).isEqualTo(expected.length);
    }

    @Test
    void addsNoSecondEndMark() {
        tokenizer.close();
        toyTokenizer(dir, "$A </s>", "a", "b");
        write(dir.resolve("tokenizer_config.json"), "{\"eos_token\": \"</s>\"}");
        tokenizer = Tokenizer.of(dir);
        Dataset dataset = read("a.jsonl", "{\"text\":\"a b\"}\n{\"text\":\"b\"}", options(8));
        assertThat(joined(dataset)).containsExactly(3, 4, 1, 4, 1);
    }

    @Test
    void makesAnExampleOfEachDocumentWhenNotPacked() {
        DatasetOptions options = options(5).withPack(false);
        String longText = "Once upon a time, there was a dog";
        Dataset dataset =
                read("a.jsonl", "{\"text\":\"Lily\"}\n{\"text\":\"" + longText + "\"}", options);
        assertThat(dataset.examples()).hasSize(2);
        assertThat(dataset.examples().get(0).ids()).isEqualTo(tokenizer.encode("Lily", true));
        assertThat(dataset.examples().get(1).ids())
                .isEqualTo(IntStream.of(tokenizer.encode(longText, true)).limit(5).toArray());
        Dataset lines = read("a.txt", "Lily\n\n" + longText + "\n", options);
        assertThat(joined(lines)).isEqualTo(joined(dataset));
    }

    @Test
    void takesTokenisedDataWithoutATokenizer() {
        tokenizer.close();
        tokenizer = Tokenizer.of(dir);
        Dataset dataset =
                read(
                        "a.jsonl",
                        "{\"input_ids\":[1,2,3],\"labels\":[-100,-100,511]}\n{\"input_ids\":[7,8]}\n",
                        options(2));
        assertThat(dataset.examples().get(0).labels()).containsExactly(NO, NO, 511);
        assertThat(dataset.examples().get(1).labels()).containsExactly(7, 8);
        assertThat(dataset.maxLength()).isEqualTo(3);
        Dataset.Split split = dataset.split(0.5);
        assertThat(split.train().examples()).hasSize(1);
        assertThat(split.heldOut().examples().getFirst().ids()).containsExactly(7, 8);
    }

    @Test
    void leavesOutWhatTheMaskOfARowMasks() {
        tokenizer = Tokenizer.of(dir);
        Dataset dataset =
                read(
                        "a.jsonl",
                        """
                        {"input_ids":[0,0,5,6,7],"attention_mask":[0,0,1,1,1]}
                        {"input_ids":[5,6,7,0],"attention_mask":[1,1,1,0],"labels":[-100,6,-100,9]}
                        {"input_ids":[5,9,6],"attention_mask":[true,false,true]}
                        """,
                        options(3).withPack(false));
        assertThat(dataset.examples().get(0).ids()).containsExactly(5, 6, 7);
        assertThat(dataset.examples().get(0).labels()).containsExactly(5, 6, 7);
        assertThat(dataset.examples().get(1).ids()).containsExactly(5, 6, 7);
        assertThat(dataset.examples().get(1).labels()).containsExactly(NO, 6, NO);
        assertThat(dataset.examples().get(2).ids()).containsExactly(5, 6);
        assertThat(dataset.maxLength()).isEqualTo(3);
    }

    @Test
    @Timeout(60) // a reader that waits for a second writer would never end
    void readsAPipeAsItReadsAFile() throws Exception {
        tokenizer = Tokenizer.of(dir);
        Path pipe = dir.resolve("pipe");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
        String text = "{\"input_ids\":[1,2,3]}\n".repeat(10_000);
        try (ExecutorService writer = Executors.newSingleThreadExecutor()) {
            Future<?> written = writer.submit(() -> Files.writeString(pipe, text));
            Dataset dataset = DatasetReader.read(pipe, options(3), tokenizer);
            written.get();
            assertThat(dataset.examples()).hasSize(10_000);
            assertThat(dataset.examples().getLast().ids()).containsExactly(1, 2, 3);
        }
    }

    @Test
    void scoresTheCompletionAlone() {
        Dataset dataset =
                read("a.jsonl", "{\"prompt\":\"Lily saw\",\"completion\":\" a dog\"}", options(64));
        Example example = dataset.examples().getFirst();
        int[] context = tokenizer.encodePrompt("Lily saw");
        assertThat(example.ids()).isEqualTo(tokenizer.encodePrompt("Lily saw a dog"));
        assertThat(example.scoredTokens()).isEqualTo(example.length() - context.length);
        assertThat(example.labels()[context.length - 1]).isEqualTo(NO);
        assertThat(example.labels()[context.length]).isEqualTo(example.ids()[context.length]);
    }

    @Test
    void putsTheLabelWordBehindTheTemplate() {
        DatasetOptions options =
                options(64).withClassification("{text} verdict :", List.of(" terrible", " great"));
        Dataset dataset =
                read(
                        "a.jsonl",
                        """
                        {"text":"a good film","label":1,"idx":4}
                        {"label":0,"text":"a bad 😀 film"}
                        """,
                        options);
        ClassificationExample first = dataset.classification().getFirst();
        assertThat(first.label()).isEqualTo(1);
        assertThat(first.candidates()).hasSize(2);
        assertThat(scoredText(first.truth())).isEqualTo(" great");
        assertThat(first.truth().ids())
                .isEqualTo(tokenizer.encode("a good film verdict : great", true));
        assertThat(tokenizer.decode(first.candidates().get(0).ids()))
                .isEqualTo("a good film verdict : terrible");
        Example second = dataset.examples().get(1);
        assertThat(scoredText(second)).isEqualTo(" terrible");
        assertThat(tokenizer.decode(second.ids())).isEqualTo("a bad 😀 film verdict : terrible");
        Dataset heldOut = dataset.split(0.5).heldOut();
        assertThat(heldOut.classification()).containsExactly(dataset.classification().get(1));
        assertThat(heldOut.examples()).containsExactly(second);
    }

    @Test
    void cutsThePromptFromTheLeftSoThatTailAndWordSurvive() {
        DatasetOptions options =
                options(24).withClassification("{text} verdict :", List.of(" bad", " terrible"));
        String text = "Once upon a time, there was a little girl named Lily. ".repeat(5);
        Dataset dataset = read("a.jsonl", "{\"text\":\"" + text + "\",\"label\":0}", options);
        ClassificationExample example = dataset.classification().getFirst();
        assertThat(dataset.maxLength()).isEqualTo(24);
        for (Example candidate : example.candidates()) {
            assertThat(candidate.ids()[0]).isEqualTo(1);
            assertThat(candidate.labels()[0]).isEqualTo(NO);
        }
        assertThat(tokenizer.decode(example.truth().ids())).endsWith(" verdict : bad");
        assertThat(scoredText(example.candidates().get(1))).isEqualTo(" terrible");
        int prompt = promptLength(example.candidates().get(0));
        assertThat(promptLength(example.candidates().get(1))).isEqualTo(prompt);
        assertThat(example.candidates().get(0).ids())
                .startsWith(
                        IntStream.of(example.candidates().get(1).ids()).limit(prompt).toArray());
    }

    @Test
    void encodesAWordByItselfWhereItWouldMergeIntoThePrompt() {
        // "Lily" is one token, so "Lil" + "y" has no seam in it.
        assertThat(tokenizer.encode("Lily", false)).hasSize(1);
        DatasetOptions options = options(64).withClassification("{text}", List.of("y", " dog"));
        Dataset dataset = read("a.jsonl", "{\"text\":\"Lil\",\"label\":0}", options);
        Example merged = dataset.examples().getFirst();
        assertThat(merged.ids())
                .isEqualTo(
                        Tokenizer.concat(
                                tokenizer.encodePrompt("Lil"), tokenizer.encode("y", false)));
        assertThat(merged.scoredTokens()).isEqualTo(tokenizer.encode("y", false).length);
    }

    @Test
    void fillsOtherFieldsIntoTheTemplate() {
        DatasetOptions options =
                options(64)
                        .withClassification(
                                "{premise} so {hypothesis} {{?}}", List.of(" no", " yes"));
        Dataset dataset =
                read("a.jsonl", "{\"premise\":\"A\",\"hypothesis\":\"{b}\",\"label\":1}", options);
        assertThat(tokenizer.decode(dataset.examples().getFirst().ids()))
                .isEqualTo("A so {b} {?} yes");
    }

    @Test
    void predictsTheLowestLoss() {
        assertThat(ClassificationExample.predict(new double[] {2, 1, 1})).isEqualTo(1);
        assertThat(ClassificationExample.predict(new double[] {Double.NaN, 3})).isEqualTo(1);
        assertThat(ClassificationExample.predict(new double[] {3, Double.NaN})).isZero();
    }

    @Test
    void namesTheLineThatIsNotUtf8() throws IOException {
        Path file = dir.resolve("a.jsonl");
        Files.write(file, new byte[] {'{', '}', '\n', 'a', 'b', (byte) 0xC3, '\n'});
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Utf8Lines.forEach(file, (number, line, ended) -> {}))
                .withMessage(file + ":2: byte 3 of the line is not UTF-8; save the file as UTF-8");
    }

    private Dataset read(String name, String text, DatasetOptions options) {
        return DatasetReader.read(write(dir.resolve(name), text), options, tokenizer);
    }

    private static DatasetOptions options(int seqLen) {
        return DatasetOptions.of(seqLen, 64, STORIES_VOCAB);
    }

    private String scoredText(Example example) {
        int[] scored =
                IntStream.range(0, example.length())
                        .filter(i -> example.labels()[i] != NO)
                        .map(i -> example.ids()[i])
                        .toArray();
        // A leading token keeps the decoder from stripping the word's own space.
        return tokenizer.decode(Tokenizer.concat(new int[] {410}, scored));
    }

    private static int promptLength(Example example) {
        return (int) IntStream.of(example.labels()).takeWhile(label -> label == NO).count();
    }

    private static int[] joined(Dataset dataset) {
        return dataset.examples().stream().flatMapToInt(e -> IntStream.of(e.ids())).toArray();
    }
}
