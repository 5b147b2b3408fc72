package io.millrace.model.hub;

import java.nio.file.Path;
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
    private static final Pattern CACHED = Pattern.compile("models--(.+?)--(.+)");
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

    /**
     * The id and the commit of a model that lies in a cache, whatever else it is called: {@code
     * models--owner--name/snapshots/commit}.
     */
    public static Optional<HubId> ofSnapshot(Path folder) {
        Path path = folder.toAbsolutePath().normalize();
        if (path.getNameCount() < 3) {
            return Optional.empty();
        }
        Path snapshots = path.getParent();
        String repository = snapshots.getParent().getFileName().toString();
        Matcher cached = CACHED.matcher(repository);
        return snapshots.endsWith("snapshots") && cached.matches()
                ? find(cached.group(1) + "/" + cached.group(2) + "@" + path.getFileName())
                : Optional.empty();
    }

    /** Without the revision, as paths of the hub have it. */
    public String path() {
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
