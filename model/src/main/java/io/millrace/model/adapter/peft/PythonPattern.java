package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression of Python's, as PEFT matches names of modules with. It may be anybody's:
 * what one match may cost is bounded.
 */
final class PythonPattern {
    private static final int MOST_CHARS = 8192;
    private static final int MOST_GROUPS = 200;
    private static final int MOST_LOOKS = 1_000_000;

    private final String where;
    private final String field;
    private final Pattern pattern;

    private PythonPattern(String where, String field, Pattern pattern) {
        this.where = where;
        this.field = field;
        this.pattern = pattern;
    }

    /**
     * Compiles an expression.
     *
     * @param where the file, for messages
     * @param field the field that has it, for messages
     * @param before what is put in front of it, in Java's terms
     * @param regex in Python's terms
     * @param after what is put behind it, in Java's terms
     * @throws BadInputException when it is none, or is written in a way that is not known here
     */
    static PythonPattern compile(
            String where, String field, String before, String regex, String after) {
        if (regex.length() > MOST_CHARS
                || regex.chars().filter(c -> c == '(').count() > MOST_GROUPS) {
            throw new BadInputException(
                    where,
                    "field '" + field + "' has a pattern longer than any that is read",
                    "name the modules in a list");
        }
        try {
            // Apart first, so that no bracket of one closes another's.
            Pattern.compile(translated(regex));
            return new PythonPattern(
                    where, field, Pattern.compile(before + translated(regex) + after));
        } catch (PatternSyntaxException e) {
            throw new BadInputException(
                    where,
                    "field '"
                            + field
                            + "' has '"
                            + regex
                            + "', which cannot be read as a pattern: "
                            + e.getDescription(),
                    "write it plainer, or name the modules in a list");
        }
    }

    /** The whole of {@code regex}, with nothing around it. */
    static PythonPattern compile(String where, String field, String regex) {
        return compile(where, field, "", regex, "");
    }

    /** Names of groups, the end of the text, and brackets within classes are written otherwise. */
    private static String translated(String regex) {
        StringBuilder java = new StringBuilder();
        boolean inClass = false;
        for (int i = 0; i < regex.length(); i++) {
            char c = regex.charAt(i);
            if (c == '\\' && i + 1 < regex.length()) {
                i++;
                java.append('\\').append(regex.charAt(i) == 'Z' ? 'z' : regex.charAt(i));
            } else if (inClass) {
                inClass = c != ']';
                java.append(c == '[' || c == '&' ? "\\" : "").append(c);
            } else if (c == '[') {
                inClass = true;
                java.append(c);
                if (regex.startsWith("^", i + 1)) {
                    i++;
                    java.append('^');
                }
                if (regex.startsWith("]", i + 1)) {
                    i++;
                    java.append("\\]");
                }
            } else if (regex.startsWith("(?P<", i)) {
                i += 2;
                java.append("(?");
            } else {
                java.append(c);
            }
        }
        return java.toString();
    }

    /** Whether it matches all of a name. */
    boolean matches(String name) {
        return matcher(name).matches();
    }

    /** Whether it matches a name from its beginning on. */
    boolean begins(String name) {
        return matcher(name).lookingAt();
    }

    /** The group {@code idx} where it matches a name from its beginning on. */
    Optional<String> index(String name) {
        Matcher matcher = matcher(name);
        return matcher.lookingAt() ? Optional.of(matcher.group("idx")) : Optional.empty();
    }

    private Matcher matcher(String name) {
        return pattern.matcher(new Watched(name, new int[] {MOST_LOOKS}));
    }

    /** Counts how often the matcher looks, since an expression may try without end. */
    private final class Watched implements CharSequence {
        private final CharSequence text;
        private final int[] left;

        Watched(CharSequence text, int[] left) {
            this.text = text;
            this.left = left;
        }

        @Override
        public char charAt(int index) {
            left[0]--;
            if (left[0] < 0) {
                throw new BadInputException(
                        where,
                        "field '" + field + "' has a pattern that finds no end at '" + text + "'",
                        "write it plainer, or name the modules in a list");
            }
            return text.charAt(index);
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return new Watched(text.subSequence(start, end), left);
        }

        @Override
        public String toString() {
            return text.toString();
        }
    }
}
