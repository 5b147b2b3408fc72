package io.millrace.model.hub;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model's name on a hub, {@code owner/name} or {@code owner/name@revision}.
 *
 * @param owner a person or an organisation
 * @param name of the repository
 * @param revision a branch, a tag or a commit
 */
public record HubId(String owner, String name, String revision) {
    /** The branch that is meant where none is named. */
    static final String MAIN = "main";

    private static final String PART = "[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-]))*";
    private static final Pattern SPELLED =
            Pattern.compile("(" + PART + ")/(" + PART + ")(?:@(" + PART + "))?");
    private static final int MAX_CHARS = 96;

    /** The id that a text spells, if it spells one. */
    public static Optional<HubId> find(String text) {
        Matcher spelled = SPELLED.matcher(text);
        if (text.length() > MAX_CHARS || !spelled.matches()) {
            return Optional.empty();
        }
        String revision = spelled.group(3) == null ? MAIN : spelled.group(3);
        return Optional.of(new HubId(spelled.group(1), spelled.group(2), revision));
    }

    /** Without the revision, as paths of the hub have it. */
    String path() {
        return owner + "/" + name;
    }

    /** The folder that a cache keeps it in. */
    String folder() {
        return "models--" + owner + "--" + name;
    }

    /** As a person would give it. */
    @Override
    public String toString() {
        return path() + (revision.equals(MAIN) ? "" : "@" + revision);
    }
}
