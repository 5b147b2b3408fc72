package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.jinja.TemplateException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Reads a data file into examples.
 *
 * <ul>
 *   <li>{@code .txt} is one running text, encoded in one piece without special tokens; CRLF reads
 *       as LF. Any other file is JSON lines, all of the kind of the first ({@link DataKind}).
 *   <li>{@code {"text"}}: each document is encoded with its special tokens and followed by the end
 *       mark where the tokenizer has one; documents are joined and cut into windows.
 *   <li>Unpacked, each document (or non-blank line of a {@code .txt}) is an example, encoded with
 *       its special tokens and cut off at {@code seqLen}.
 *   <li>Classification: the filled template, then the label word; the word alone is scored.
 *   <li>Of a masked language model, the filled template with one {@code {mask}} in it, and its
 *       special tokens; the label word is scored in the mask's place. What is farthest from the
 *       mask is left out of a text that is too long ({@link InPlaceExamples}).
 *   <li>Of a classifier, the filled template and its special tokens; what exceeds {@code seqLen} is
 *       cut off at its end, before the marks there.
 *   <li>{@code {"prompt", "completion"}}: the completion alone is scored, as written; no end mark
 *       is added.
 *   <li>{@code {"messages"}}, and {@code "tools"} if wanted: the model's chat template makes one
 *       text of it, without further special tokens, of which the assistant's answers are scored
 *       ({@link ChatExamples}); what exceeds {@code seqLen} is cut off at its end.
 *   <li>Tokenised data is taken as it is; without {@code labels} every token is scored. What {@code
 *       attention_mask} masks is padding, wherever it stands: it is left out.
 * </ul>
 *
 * <p>Prompts that are too long lose tokens from their left, behind the beginning mark, as in MeZO:
 * the template's end and the scored continuation survive.
 */
public final class DatasetReader {
    private final Path file;
    private final DatasetOptions options;
    private final Tokenizer tokenizer;
    private final Continuations continuations;
    private final InPlaceExamples inPlace;
    private final Template template;

    private final List<Example> examples = new ArrayList<>();
    private final List<ClassificationExample> classification = new ArrayList<>();
    private final IntSequence stream = new IntSequence();
    private DataKind kind;
    private ChatExamples chats;
    private int firstBlankLine;

    private DatasetReader(Path file, DatasetOptions options, Tokenizer tokenizer) {
        this.file = file;
        this.options = options;
        this.tokenizer = tokenizer;
        continuations = new Continuations(tokenizer, options.seqLen());
        template = Template.parse(options.template());
        inPlace = new InPlaceExamples(options, template, tokenizer);
    }

    /**
     * Reads the whole file.
     *
     * @throws BadInputException with {@code file:line}, the field and the mend, when a line is not
     *     what it should be
     */
    public static Dataset read(Path file, DatasetOptions options, Tokenizer tokenizer) {
        return new DatasetReader(file, options, tokenizer).read();
    }

    private Dataset read() {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        if (name.endsWith(".txt")) {
            kind = DataKind.PLAIN_TEXT;
            options.requireAnswers(kind, file.toString());
            readPlainText();
        } else {
            Utf8Lines.forEach(file, (number, line, ended) -> takeJson(number, line));
        }
        if (kind == null) {
            throw empty();
        }
        if (kind != DataKind.CLASSIFICATION && !options.labelWords().isEmpty()) {
            throw new BadInputException(
                    "--label-words",
                    "are given, but " + file + " holds " + kind.shape(),
                    "drop the option, or give lines with a 'label'");
        }
        return switch (kind) {
            case CLASSIFICATION -> ExampleSet.ofClassification(classification);
            case COMPLETION, CHAT, TOKENS -> ExampleSet.of(kind, examples);
            case PLAIN_TEXT, DOCUMENTS -> options.pack() ? packed() : unpacked();
        };
    }

    private Dataset packed() {
        if (stream.size() < 2) {
            throw empty();
        }
        return new TextStream(kind, stream.toArray(), options.seqLen());
    }

    private Dataset unpacked() {
        if (examples.isEmpty()) {
            throw empty();
        }
        return ExampleSet.of(kind, examples);
    }

    private BadInputException empty() {
        return new BadInputException(
                file.toString(), "holds nothing to learn from", "give a file with some text in it");
    }

    private void readPlainText() {
        StringBuilder text = new StringBuilder();
        Utf8Lines.forEach(
                file,
                (number, line, ended) -> {
                    if (!options.pack()) {
                        if (!line.isBlank()) {
                            addDocument(where(number), line);
                        }
                        return;
                    }
                    if (text.length() > DataLine.MAX_TEXT_CHARS) {
                        DataLine.checkedText(where(number), "text", text.toString());
                    }
                    text.append(line).append(ended ? "\n" : "");
                });
        if (options.pack() && !text.isEmpty()) {
            String whole = DataLine.checkedText(file.toString(), "text", text.toString());
            stream.addAll(encoded(file.toString(), whole, false));
        }
    }

    private void takeJson(int number, String text) {
        if (text.isBlank()) {
            firstBlankLine = firstBlankLine == 0 ? number : firstBlankLine;
            return;
        }
        if (firstBlankLine > 0) {
            throw new BadInputException(
                    where(firstBlankLine), "is blank", "remove it, or end the file there");
        }
        DataLine line = DataLine.parse(where(number), text);
        DataKind lineKind = DataKind.of(line.object()).orElseThrow(() -> unknownKind(line));
        if (kind == null) {
            kind = lineKind;
            options.requireAnswers(kind, line.where());
        } else if (kind != lineKind) {
            throw new BadInputException(
                    line.where(),
                    "has fields of " + lineKind.shape() + " after lines of " + kind.shape(),
                    "keep one kind in a file");
        }
        add(line);
    }

    private static BadInputException unknownKind(DataLine line) {
        return new BadInputException(
                line.where(),
                "has none of the fields that say what it is (it has "
                        + line.object().fields().keySet()
                        + ")",
                "name them text, label, prompt, completion, messages or input_ids");
    }

    private void add(DataLine line) {
        switch (kind) {
            case DOCUMENTS, PLAIN_TEXT -> addDocument(line.where(), line.text("text"));
            case CLASSIFICATION -> addClassification(line);
            case COMPLETION -> addCompletion(line);
            case CHAT -> addChat(line);
            case TOKENS -> addTokens(line);
        }
    }

    private void addDocument(String where, String text) {
        int[] ids = encoded(where, DataLine.checkedText(where, "text", text), true);
        if (options.pack()) {
            stream.addAll(ids);
            tokenizer
                    .special()
                    .eos()
                    .ifPresent(eos -> {
                        if (stream.size() > 0 && stream.last() != eos) {
                            stream.add(eos);
                        }
                    });
            return;
        }
        if (ids.length < 2) {
            throw new BadInputException(
                    where,
                    "field 'text' is too short: of a single token nothing is scored",
                    "remove the line or pack the text");
        }
        int length = Math.min(ids.length, options.seqLen());
        examples.add(Example.scoringAll(Arrays.copyOf(ids, length)));
    }

    private void addClassification(DataLine line) {
        if (options.answers().isInPlace()) {
            classification.add(inPlace.of(line));
            return;
        }
        List<String> words = options.labelWords();
        if (words.isEmpty()) {
            throw line.bad(
                    "label",
                    "needs label words",
                    "give --label-words, one for each label, or remove the field");
        }
        int label = line.label("label", words.size());
        List<Example> candidates = scored(line, "label", template.fill(line::text), words);
        if (classification.isEmpty()) {
            requireDistinct(candidates);
        }
        classification.add(new ClassificationExample(candidates, label));
    }

    private void requireDistinct(List<Example> candidates) {
        for (int i = 0; i < candidates.size(); i++) {
            for (int j = 0; j < i; j++) {
                if (Arrays.equals(candidates.get(i).ids(), candidates.get(j).ids())) {
                    List<String> words = options.labelWords();
                    throw new BadInputException(
                            "--label-words",
                            "'" + words.get(j) + "' and '" + words.get(i) + "' are the same tokens",
                            "choose words that the tokenizer tells apart");
                }
            }
        }
    }

    private void addCompletion(DataLine line) {
        String prompt = line.text("prompt");
        List<String> completion = List.of(line.text("completion"));
        examples.add(scored(line, "completion", prompt, completion).getFirst());
    }

    private void addChat(DataLine line) {
        if (chats == null) {
            chats = new ChatExamples(tokenizer);
        }
        Object tools = line.object().has("tools") ? line.list("tools") : null;
        List<Example> made;
        try {
            made = chats.of(line.messages("messages"), tools);
        } catch (TemplateException e) {
            throw line.bad(
                    "messages",
                    "do not pass the model's chat template, which " + e.oneLine(),
                    "mend them");
        }
        if (made.isEmpty()) {
            throw line.bad(
                    "messages", "has no answer of an assistant", "add one, or remove the line");
        }
        for (Example whole : made) {
            options.requireKnown(line.where(), whole.ids());
            int length = Math.min(whole.length(), options.seqLen());
            Example example =
                    new Example(
                            Arrays.copyOf(whole.ids(), length),
                            Arrays.copyOf(whole.labels(), length));
            if (example.scoredTokens() == 0) {
                throw line.bad(
                        "messages",
                        "has no answer within " + options.seqLen() + " tokens",
                        "raise --seq-len or shorten it");
            }
            examples.add(example);
        }
    }

    private List<Example> scored(
            DataLine line, String field, String prompt, List<String> continuationTexts) {
        List<Example> made = continuations.examples(prompt, continuationTexts);
        if (made.isEmpty()) {
            throw line.bad(
                    field,
                    "does not fit into " + options.seqLen() + " tokens behind any prompt",
                    "raise --seq-len or shorten it");
        }
        for (Example example : made) {
            options.requireKnown(line.where(), example.ids());
            if (example.scoredTokens() == 0) {
                throw line.bad(field, "encodes to no tokens", "write some text");
            }
        }
        return made;
    }

    private void addTokens(DataLine line) {
        int[] ids = line.ids("input_ids", options.vocabSize(), false);
        boolean inPlace = options.answers().isInPlace();
        if (inPlace && !line.object().has("labels")) {
            throw line.bad(
                    "labels",
                    "is missing, and a masked language model is scored where it has labels alone",
                    "give them, -100 where nothing is scored");
        }
        int[] labels =
                line.object().has("labels") ? line.ids("labels", options.vocabSize(), true) : ids;
        if (ids.length != labels.length) {
            throw line.bad(
                    "labels",
                    "has " + labels.length + " entries for " + ids.length + " input_ids",
                    "give one for each, -100 where nothing is scored");
        }
        if (ids.length > options.maxPositions()) {
            throw line.bad(
                    "input_ids",
                    "has " + ids.length + " tokens, the model takes " + options.maxPositions(),
                    "cut the sequence");
        }
        if (ids.length == 0) {
            throw line.bad("input_ids", "is empty", "remove the line");
        }
        if (line.object().has("attention_mask")) {
            boolean[] kept = line.mask("attention_mask", ids.length);
            ids = kept(ids, kept);
            labels = kept(labels, kept);
        }
        Example example = new Example(ids, labels, inPlace);
        if (example.scoredTokens() == 0) {
            throw line.bad(
                    line.object().has("labels") ? "labels" : "input_ids",
                    "has nothing to score" + (inPlace ? "" : " behind the first token"),
                    "give at least one label other than -100, or remove the line");
        }
        examples.add(example);
    }

    private static int[] kept(int[] values, boolean[] kept) {
        return IntStream.range(0, values.length).filter(i -> kept[i]).map(i -> values[i]).toArray();
    }

    private int[] encoded(String where, String text, boolean addSpecialTokens) {
        int[] ids = tokenizer.encode(text, addSpecialTokens);
        options.requireKnown(where, ids);
        return ids;
    }

    private String where(int number) {
        return file + ":" + number;
    }
}
