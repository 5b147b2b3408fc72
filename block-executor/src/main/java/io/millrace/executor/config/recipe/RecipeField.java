package io.millrace.executor.config.recipe;

/**
 * One line of a recipe.
 *
 * @param place where it stands: the file, and the line where that is known
 * @param form how fields are written there
 * @param name of the option, as it is written
 * @param value of the option
 */
public record RecipeField(String place, Form form, String name, FieldValue value) {
    /** How fields are written. */
    public enum Form {
        /** {@code "lr": 1e-6}. */
        JSON("field '%s'", "\"%s\": %s"),
        /** {@code lr: 1e-6}. */
        YAML("'%s'", "%s: %s"),
        /** {@code lr=1e-6}. */
        WORD("'%s'", "%s=%s");

        private final String label;
        private final String pattern;

        Form(String label, String pattern) {
            this.label = label;
            this.pattern = pattern;
        }

        /** A field, for people to write. */
        public String written(String name, Object value) {
            return String.format(pattern, name, value);
        }
    }

    /** What a message calls it. */
    public String label() {
        return String.format(form.label, name);
    }
}
