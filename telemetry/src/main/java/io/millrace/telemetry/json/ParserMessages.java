package io.millrace.telemetry.json;

import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.TokenStreamLocation;

/** What the parser says, in words for someone who has a file before them and not the parser. */
final class ParserMessages {
    /** Advice to call the parser otherwise, and where in its own buffers something began. */
    private static final Pattern INTERNALS =
            Pattern.compile(
                    ": enable `[^`]*` to allow|, from `[^`]*`"
                            + "| \\(not recognized as one since[^)]*\\)"
                            + "| *\\(for \\w+ starting at[^)]*\\)"
                            + "| *\\(start marker at \\[[^\\]]*\\]\\)| *\\[Source:[^\\]]*\\]");

    private static final Pattern CONTROL = Pattern.compile("\\(\\(?CTRL-CHAR, code (\\d+)\\)\\)?");

    /** A character and its code; the character is enough. */
    private static final Pattern CODED = Pattern.compile("\\(('.*?') \\(code \\d+[^)]*\\)\\)");

    private ParserMessages() {}

    static JsonFormatException translated(JacksonException e) {
        String message = firstLine(e.getOriginalMessage());
        message = INTERNALS.matcher(message).replaceAll("");
        message = CONTROL.matcher(message).replaceAll("of code $1");
        message = CODED.matcher(message).replaceAll("$1");
        TokenStreamLocation at = e.getLocation();
        if (at == null || at.getLineNr() < 1) {
            return new JsonFormatException(message);
        }
        String line = at.getLineNr() == 1 ? "" : "line " + at.getLineNr() + ", ";
        return new JsonFormatException(message + " at " + line + "column " + at.getColumnNr());
    }

    private static String firstLine(String message) {
        int end = message.indexOf('\n');
        return end < 0 ? message : message.substring(0, end);
    }
}
