package io.millrace.executor.config.data;

import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionType;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.track.TrackRequest;
import io.millrace.telemetry.track.Trackers;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Who follows a run's figures.
 *
 * @param settings of the run
 */
public record TrackConfig(Settings settings) {
    private static final URI USUAL_SERVER = URI.create("http://localhost:5000");
    private static final String USUAL_EXPERIMENT = "millrace";

    /** Trackers by name. */
    public static final Option<List<String>> TRACK =
            Option.named("track", OptionTypes.WORDS)
                    .label("NAME,...")
                    .help(
                            "Pass the figures on while the run goes on: "
                                    + String.join(", ", Trackers.names())
                                    + "; files lie in the run's folder.")
                    .choices(Trackers.names())
                    .limit(
                            new Limit<>(
                                    names -> Trackers.names().containsAll(names),
                                    names -> "'" + unknown(names) + "' is no tracker",
                                    "give some of " + String.join(", ", Trackers.names())))
                    .limit(
                            new Limit<>(
                                    names -> repeated(names).isEmpty(),
                                    names ->
                                            "'"
                                                    + repeated(names).orElseThrow()
                                                    + "' is there twice",
                                    "give each tracker once"))
                    .build();

    /** MLflow's server. */
    public static final Option<URI> SERVER =
            Option.named("mlflow-uri", OptionType.spelled(TrackConfig::uri, URI::toString))
                    .label("URL")
                    .help("MLflow's server, for --track mlflow.")
                    .usually(USUAL_SERVER.toString())
                    .build();

    /** Experiment at MLflow. */
    public static final Option<String> EXPERIMENT =
            Option.named("mlflow-experiment", OptionTypes.TEXT)
                    .label("NAME")
                    .help("Experiment that the run belongs to at MLflow.")
                    .usually(USUAL_EXPERIMENT)
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS = List.of(TRACK, SERVER, EXPERIMENT);

    /** Trackers by name. */
    public List<String> names() {
        return settings.find(TRACK).orElse(List.of());
    }

    /**
     * What trackers are told.
     *
     * @param folder of the run
     * @param firstStep the step that comes next
     * @param options of the run by name
     */
    public TrackRequest request(Path folder, long firstStep, Map<String, Object> options) {
        return new TrackRequest(
                folder,
                firstStep,
                options,
                settings.find(SERVER).orElse(USUAL_SERVER),
                settings.find(EXPERIMENT).orElse(USUAL_EXPERIMENT));
    }

    private static String unknown(List<String> names) {
        return names.stream()
                .filter(name -> !Trackers.names().contains(name))
                .findFirst()
                .orElseThrow();
    }

    private static Optional<String> repeated(List<String> names) {
        Set<String> seen = new HashSet<>();
        return names.stream().filter(name -> !seen.add(name)).findFirst();
    }

    private static URI uri(String text) {
        try {
            URI uri = new URI(text);
            if (uri.getHost() != null && text.matches("https?://.*")) {
                return uri;
            }
        } catch (URISyntaxException _) {
            // said below
        }
        throw new IllegalArgumentException(
                "'" + text + "' is not an address that begins with http");
    }
}
