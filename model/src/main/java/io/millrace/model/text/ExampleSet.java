package io.millrace.model.text;

import java.util.List;

/** Examples that do not depend on each other. */
public record ExampleSet(
        DataKind kind,
        List<Example> examples,
        List<ClassificationExample> classification,
        List<Question> questions)
        implements Dataset {

    /** Freezes the lists. */
    public ExampleSet {
        examples = List.copyOf(examples);
        classification = List.copyOf(classification);
        questions = List.copyOf(questions);
    }

    /** Examples without candidates. */
    public static ExampleSet of(DataKind kind, List<Example> examples) {
        return new ExampleSet(kind, examples, List.of(), List.of());
    }

    /** Examples with candidates. */
    public static ExampleSet choosing(DataKind kind, List<ClassificationExample> classification) {
        return new ExampleSet(
                kind,
                classification.stream().map(ClassificationExample::truth).toList(),
                classification,
                List.of());
    }

    /** Examples whose answers are written. */
    public static ExampleSet asking(List<Example> examples, List<Question> questions) {
        return new ExampleSet(DataKind.TASK, examples, List.of(), questions);
    }

    @Override
    public Split split(double heldOut) {
        int point = Dataset.splitPoint(examples.size(), heldOut, 1, "examples");
        return new Split(part(0, point), part(point, examples.size()));
    }

    private ExampleSet part(int from, int to) {
        return new ExampleSet(
                kind,
                examples.subList(from, to),
                classification.isEmpty() ? classification : classification.subList(from, to),
                questions.isEmpty() ? questions : questions.subList(from, to));
    }
}
