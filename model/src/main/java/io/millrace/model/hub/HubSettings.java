package io.millrace.model.hub;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which hub, which cache, and as whom.
 *
 * @param cache the folder of {@code models--owner--name} folders
 * @param endpoint where the hub is, without a slash at its end
 * @param token who asks; sent to the endpoint alone, never to where it redirects
 * @param offline whether nothing is downloaded
 * @param patience how long a connection may be silent, and what is waited between tries
 */
public record HubSettings(
        Path cache, URI endpoint, Optional<String> token, boolean offline, Patience patience) {
    private static final String HUGGING_FACE = "https://huggingface.co";
    private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");
    private static final int MAX_TOKEN_BYTES = 4096;

    /**
     * How long is waited.
     *
     * @param silence the longest a connection may give nothing
     * @param beforeRetry what is waited before the first of the retries, doubled before each other
     */
    public record Patience(Duration silence, Duration beforeRetry) {
        /** What people at a terminal have. */
        public static final Patience USUAL =
                new Patience(Duration.ofSeconds(60), Duration.ofSeconds(1));

        static void pause(Duration wait) throws IOException {
            try {
                Thread.sleep(wait);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }
    }

    /** Checks the endpoint. */
    public HubSettings {
        if (endpoint.getHost() == null
                || !("https".equals(endpoint.getScheme()) || "http".equals(endpoint.getScheme()))) {
            throw new BadInputException(
                    "HF_ENDPOINT",
                    "'" + endpoint + "' is no address",
                    "give one such as " + HUGGING_FACE);
        }
    }

    /**
     * What the variables of Hugging Face's library say: {@code HF_HOME}, {@code HF_HUB_CACHE},
     * {@code HF_ENDPOINT}, {@code HF_TOKEN}, {@code HF_TOKEN_PATH}, {@code HF_HUB_OFFLINE} and
     * those that they fall back to.
     *
     * @param environment variables by name
     * @param home the user's folder
     */
    public static HubSettings of(Map<String, String> environment, Path home) {
        Variables variables = new Variables(environment, home);
        Path hub =
                variables
                        .path("HF_HOME")
                        .orElseGet(() ->
                                variables
                                        .path("XDG_CACHE_HOME")
                                        .orElse(home.resolve(".cache"))
                                        .resolve("huggingface"));
        Path cache =
                variables
                        .path("HF_HUB_CACHE")
                        .or(() -> variables.path("HUGGINGFACE_HUB_CACHE"))
                        .orElse(hub.resolve("hub"));
        Optional<String> token =
                variables
                        .text("HF_TOKEN")
                        .or(() -> variables.text("HUGGING_FACE_HUB_TOKEN"))
                        .or(() ->
                                read(variables.path("HF_TOKEN_PATH").orElse(hub.resolve("token"))));
        return new HubSettings(
                cache,
                address(variables.text("HF_ENDPOINT").orElse(HUGGING_FACE)),
                token,
                variables.isOn("HF_HUB_OFFLINE") || variables.isOn("TRANSFORMERS_OFFLINE"),
                Patience.USUAL);
    }

    /** Whether nobody else reads what goes to the endpoint: encrypted, or within this machine. */
    boolean isPrivateWay() {
        String host = endpoint.getHost();
        return "https".equals(endpoint.getScheme())
                || host.equals("localhost")
                || host.equals("[::1]")
                || host.matches("127(\\.\\d{1,3}){3}");
    }

    /** The same without a network. */
    public HubSettings withoutNetwork() {
        return new HubSettings(cache, endpoint, token, true, patience);
    }

    private static URI address(String text) {
        try {
            return URI.create(text.replaceAll("/+$", ""));
        } catch (IllegalArgumentException e) {
            throw new BadInputException(
                    "HF_ENDPOINT",
                    "'" + text + "' is no address",
                    "give one such as " + HUGGING_FACE);
        }
    }

    /** The token that logging in has left; whoever has none need not have the file. */
    private static Optional<String> read(Path file) {
        try {
            return Files.isRegularFile(file) && Files.size(file) <= MAX_TOKEN_BYTES
                    ? Optional.of(Files.readString(file).strip()).filter(text -> !text.isEmpty())
                    : Optional.empty();
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "cannot be read: " + e, "check its permissions");
        }
    }

    private record Variables(Map<String, String> environment, Path home) {
        Optional<String> text(String name) {
            return Optional.ofNullable(environment.get(name))
                    .map(String::strip)
                    .filter(text -> !text.isEmpty());
        }

        Optional<Path> path(String name) {
            return text(name)
                    .map(text ->
                            text.equals("~") || text.startsWith("~/")
                                    ? home.resolve(text.substring(Math.min(2, text.length())))
                                    : Path.of(text));
        }

        boolean isOn(String name) {
            return text(name)
                    .filter(text -> TRUE.contains(text.toUpperCase(Locale.ROOT)))
                    .isPresent();
        }
    }
}
