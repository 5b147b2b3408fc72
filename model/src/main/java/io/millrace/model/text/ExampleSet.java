package io.millrace.model.text;

import java.util.List;

/** Examples that do not depend on each other. */
record ExampleSet(DataKind kind, List<Example> examples, List<ClassificationExample> classification)
        implements Dataset {

    ExampleSet {
        examples = List.copyOf(examples);
        classification = List.copyOf(classification);
    }

    static ExampleSet of(DataKind kind, List<Example> examples) {
        return new ExampleSet(kind, examples, List.of());
    }

    static ExampleSet ofClassification(List<ClassificationExample> classification) {
        return new ExampleSet(
                DataKind.CLASSIFICATION,
                classification.stream().map(ClassificationExample::truth).toList(),
                classification);
    }

    @Override
    public Split split(double heldOut) {
        int point = Dataset.splitPoint(examples.size(), heldOut, 1, "examples");
        return new Split(part(0, point), part(point, examples.size()));
    }

    private ExampleSet part(int from, int to) {
        return classification.isEmpty()
                ? of(kind, examples.subList(from, to))
                : ofClassification(classification.subList(from, to));
    }
}
