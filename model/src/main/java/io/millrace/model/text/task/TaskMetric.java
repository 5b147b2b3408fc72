package io.millrace.model.text.task;

/** What a paper reports of a task. */
public enum TaskMetric {
    /** The share of rows whose likeliest candidate is a right one. */
    ACCURACY("accuracy"),
    /** The mean F1 of greedy answers' words, as SQuAD's evaluation has it. */
    F1("f1");

    private final String label;

    TaskMetric(String label) {
        this.label = label;
    }

    /** The name on the command line. */
    public String label() {
        return label;
    }
}
