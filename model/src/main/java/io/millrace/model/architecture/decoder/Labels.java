package io.millrace.model.architecture.decoder;

import io.millrace.model.config.ModelConfig;

/** What a configuration says of a classifier's labels. */
public final class Labels {
    private static final String CLASSIFIER = "ForSequenceClassification";
    private static final String ONE_A_TEXT = "single_label_classification";

    private Labels() {}

    /** Whether the class that the configuration names is a classifier of texts. */
    public static boolean areAsked(ModelConfig config) {
        return config.list("architectures").stream()
                .anyMatch(name -> String.valueOf(name).endsWith(CLASSIFIER));
    }

    /**
     * How many labels there are, of which a text has one.
     *
     * @throws io.millrace.memory.BadInputException when a text may have none or several, or a
     *     number in the place of a label
     */
    public static int count(ModelConfig config) {
        String problem = config.string("problem_type", ONE_A_TEXT);
        if (!problem.equals(ONE_A_TEXT)) {
            throw config.bad(
                    "problem_type",
                    "is '" + problem + "', which is not supported",
                    "use a classifier of one label a text");
        }
        boolean named = config.has("id2label") && !config.has("num_labels");
        int count =
                named
                        ? config.section("id2label").json().fields().size()
                        : config.positive("num_labels", 2);
        if (count < 2) {
            throw config.bad(
                    named ? "id2label" : "num_labels",
                    "has " + count + " label, which is a regression",
                    "give two");
        }
        return count;
    }
}
