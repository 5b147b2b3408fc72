package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import io.millrace.model.program.Answers;
import java.util.HashSet;
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
 * @param template the prompt of classification, with {@code {text}} or another of the line's string
 *     fields in braces; doubled braces stand for themselves
 * @param labelWords the continuation that stands for each label, in the order of the labels; empty
 *     when the data is not classification
 * @param answers what the model's logits are of
 * @param labels how many labels a classifier tells apart; 0 where it is none
 */
public record DatasetOptions(
        int seqLen,
        int maxPositions,
        int vocabSize,
        boolean pack,
        String template,
        List<String> labelWords,
        Answers answers,
        int labels) {

    /** Checks everything that can be checked without data. */
    public DatasetOptions {
        labelWords = List.copyOf(labelWords);
        if (seqLen < 2 || seqLen > maxPositions) {
            throw new BadInputException(
                    "--seq-len",
                    "is " + seqLen + ", and the model takes 2 to " + maxPositions + " tokens",
                    "choose a length in that range");
        }
        if (labelWords.size() == 1 || new HashSet<>(labelWords).size() != labelWords.size()) {
            throw new BadInputException(
                    "--label-words",
                    "needs two or more different words, has " + labelWords,
                    "give one for each label, in the order of the labels");
        }
        if (labelWords.contains("")) {
            throw new BadInputException(
                    "--label-words", "has an empty word", "give one for each label");
        }
    }

    /** Running text in packed windows, no classification. */
    public static DatasetOptions of(int seqLen, int maxPositions, int vocabSize) {
        return new DatasetOptions(
                seqLen, maxPositions, vocabSize, true, "{text}", List.of(), Answers.NEXT, 0);
    }

    /** The same, for classification. */
    public DatasetOptions withClassification(String newTemplate, List<String> newLabelWords) {
        return new DatasetOptions(
                seqLen, maxPositions, vocabSize, pack, newTemplate, newLabelWords, answers, labels);
    }

    /** The same, with running text packed or line by line. */
    public DatasetOptions withPack(boolean newPack) {
        return new DatasetOptions(
                seqLen, maxPositions, vocabSize, newPack, template, labelWords, answers, labels);
    }

    /** The same, for a masked language model. */
    public DatasetOptions masked() {
        return answering(template, Answers.IN_PLACE, 0);
    }

    /**
     * The same, for a classifier.
     *
     * @param newAnswers at which token it answers
     * @param newTemplate what its text is made of
     * @param newLabels how many labels there are
     */
    public DatasetOptions classifying(Answers newAnswers, String newTemplate, int newLabels) {
        return answering(newTemplate, newAnswers, newLabels);
    }

    private DatasetOptions answering(String newTemplate, Answers newAnswers, int newLabels) {
        return new DatasetOptions(
                seqLen,
                maxPositions,
                vocabSize,
                pack,
                newTemplate,
                labelWords,
                newAnswers,
                newLabels);
    }

    /** Refuses ids that the model has no embedding of. */
    void requireKnown(String where, int[] ids) {
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
    void requireAnswers(DataKind kind, String where) {
        boolean fits =
                switch (answers) {
                    case NEXT -> true;
                    case IN_PLACE -> kind == DataKind.CLASSIFICATION || kind == DataKind.TOKENS;
                    case FIRST, LAST -> kind == DataKind.CLASSIFICATION;
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
        if (answers.isOfTexts() && !labelWords.isEmpty()) {
            throw new BadInputException(
                    "--label-words",
                    "are given, and the model is a classifier with labels of its own",
                    "leave them out");
        }
    }
}
