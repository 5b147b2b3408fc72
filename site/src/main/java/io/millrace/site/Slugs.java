package io.millrace.site;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Names of headings in addresses, as the places that show Markdown make them. */
final class Slugs {
    private final Map<String, Integer> seen = new HashMap<>();

    /** The next heading's: small letters, digits, hyphens; a number behind one that was there. */
    String of(String heading) {
        StringBuilder slug = new StringBuilder();
        heading.toLowerCase(Locale.ROOT)
                .codePoints()
                .forEach(c -> {
                    if (Character.isLetterOrDigit(c) || c == '-' || c == '_') {
                        slug.appendCodePoint(c);
                    } else if (c == ' ') {
                        slug.append('-');
                    }
                });
        int times = seen.merge(slug.toString(), 1, Integer::sum) - 1;
        return times == 0 ? slug.toString() : slug + "-" + times;
    }
}
