package io.millrace.model.text.option;

import io.millrace.memory.BadInputException;
import io.millrace.model.program.Answers;
import io.millrace.model.text.DataKind;
import java.util.List;

/**
 * How text becomes examples.
 *
 * @param seqLen the longest sequence made from text, in tokens; data that is already tokenised may
 *     be longer, up to the model's limit
 * @param maxPositions the longest sequence the model may see
 * @param vocabSize the model's; every id is below it
 * @param pack whether running text is joined and cut into windows of {@code seqLen}; if not, each
 *     line is an example of its own and what exceeds {@code seqLen} is cut off at its end
 * @param labelling how labelled rows are asked and answered
 * @param answers what the model's logits are of
 * @param labels how many labels a classifier tells apart; 0 where it is none
 * @param rows how the rows of files are taken
 */
public record DatasetOptions(
        int seqLen,
        int maxPositions,
        int vocabSize,
        boolean pack,
        LabelOptions labelling,
        Answers answers,
        int labels,
        RowOptions rows) {

    /** Checks everything that can be checked without data. */
    public DatasetOptions {
        if (seqLen < 2 || seqLen > maxPositions) {
            throw new BadInputException(
                    "--seq-len",
                    "is " + seqLen + ", and the model takes 2 to " + maxPositions + " tokens",
                    "choose a length in that range");
        }
    }

    /** Running text in packed windows, no classification. */
    public static DatasetOptions of(int seqLen, int maxPositions, int vocabSize) {
        return new DatasetOptions(
                seqLen,
                maxPositions,
                vocabSize,
                true,
                LabelOptions.NONE,
                Answers.NEXT,
                0,
                RowOptions.USUAL);
    }

    /** The same, for classification. */
    public DatasetOptions withClassification(String template, List<String> words) {
        return withLabelling(new LabelOptions(template, words, labelling.names()));
    }

    /** The same, with labelled rows asked and answered so. */
    public DatasetOptions withLabelling(LabelOptions other) {
        return new DatasetOptions(
                seqLen, maxPositions, vocabSize, pack, other, answers, labels, rows);
    }

    /** The same, with running text packed or line by line. */
    public DatasetOptions withPack(boolean other) {
        return new DatasetOptions(
                seqLen, maxPositions, vocabSize, other, labelling, answers, labels, rows);
    }

    /** The same, with sequences of a length. */
    public DatasetOptions withSeqLen(int other) {
        return new DatasetOptions(
                other, maxPositions, vocabSize, pack, labelling, answers, labels, rows);
    }

    /** The same, with rows taken so. */
    public DatasetOptions withRows(RowOptions other) {
        return new DatasetOptions(
                seqLen, maxPositions, vocabSize, pack, labelling, answers, labels, other);
    }

    /** The same, for a masked language model. */
    public DatasetOptions masked() {
        return answering(labelling, Answers.IN_PLACE, 0);
    }

    /**
     * The same, for a classifier.
     *
     * @param template what its text is made of
     * @param count how many labels there are
     */
    public DatasetOptions classifying(String template, int count) {
        LabelOptions asked = new LabelOptions(template, labelling.words(), labelling.names());
        return answering(asked, Answers.FIRST, count);
    }

    private DatasetOptions answering(LabelOptions asked, Answers other, int count) {
        return new DatasetOptions(seqLen, maxPositions, vocabSize, pack, asked, other, count, rows);
    }

    /** The prompt of labelled rows. */
    public String template() {
        return labelling.template();
    }

    /** The word of each label. */
    public List<String> labelWords() {
        return labelling.words();
    }

    /** Refuses ids that the model has no embedding of. */
    public void requireKnown(String where, int[] ids) {
        for (int id : ids) {
            if (id >= vocabSize) {
                throw new BadInputException(
                        where,
                        "the tokenizer makes id "
                                + id
                                + " of the text, and the model's vocabulary has "
                                + vocabSize,
                        "use the tokenizer.json that belongs to the model");
            }
        }
    }

    /** An encoder has no answer to what goes on, and a classifier to single tokens. */
    public void requireAnswers(DataKind kind, String where) {
        boolean fits =
                switch (answers) {
                    case NEXT -> true;
                    case IN_PLACE -> kind == DataKind.CLASSIFICATION || kind == DataKind.TOKENS;
                    case FIRST -> kind == DataKind.CLASSIFICATION;
                };
        if (!fits) {
            boolean masked = answers == Answers.IN_PLACE;
            throw new BadInputException(
                    where,
                    "holds "
                            + kind.shape()
                            + ", and the model is a "
                            + (masked ? "masked language model" : "classifier"),
                    masked
                            ? "give {\"text\", \"label\"} lines with a {mask} in --template and"
                                    + " --label-words, or {\"input_ids\", \"labels\"}"
                            : "give {\"text\", \"label\"} lines");
        }
        if (answers == Answers.FIRST && !labelWords().isEmpty()) {
            throw new BadInputException(
                    "--label-words",
                    "are given, and the model is a classifier with labels of its own",
                    "leave them out");
        }
    }
}
