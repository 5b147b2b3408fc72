package io.millrace.spark.worker;

import io.millrace.executor.config.data.WorkersConfig;
import io.millrace.executor.run.ProgramVersion;
import io.millrace.spark.link.JobTerms;
import io.millrace.spark.link.TlsFiles;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What all workers of a run are to do: the first line on a worker's standard input, in JSON, where
 * nobody else reads the token.
 *
 * @param token of this run
 * @param patience how long a worker waits for what another one computes
 * @param silence how long nothing at all may be heard of another worker
 * @param tls the files of mutual authentication
 * @param options of the run, by their names
 * @param sharers how many workers share this machine's budgets
 * @param shown how worker 0 shows what it does
 */
public record WorkerOrder(
        String token,
        Duration patience,
        Duration silence,
        Optional<TlsFiles> tls,
        Map<String, Object> options,
        int sharers,
        Shown shown) {
    private static final Duration SILENCE = Duration.ofSeconds(20);
    private static final int TOKEN_BYTES = 32;

    /**
     * How a worker shows what it does.
     *
     * @param json whether the answer is for a program
     * @param terminal whether progress goes to a terminal
     */
    public record Shown(boolean json, boolean terminal) {}

    /**
     * The order for a run, with a token of its own.
     *
     * @param options of the run, by their names
     * @param workers how they speak
     * @param sharers how many of them share a machine's budgets
     * @param shown how worker 0 shows what it does
     */
    public static WorkerOrder of(
            Map<String, Object> options, WorkersConfig workers, int sharers, Shown shown) {
        byte[] token = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(token);
        return new WorkerOrder(
                HexFormat.of().formatHex(token),
                workers.timeout(),
                SILENCE,
                workers.settings()
                        .find(WorkersConfig.TLS_CERT)
                        .map(certificate ->
                                new TlsFiles(
                                        certificate.toAbsolutePath(),
                                        workers.settings()
                                                .get(WorkersConfig.TLS_KEY)
                                                .toAbsolutePath(),
                                        workers.settings()
                                                .get(WorkersConfig.TLS_CA)
                                                .toAbsolutePath(),
                                        workers.settings().find(WorkersConfig.TLS_NAME))),
                options,
                sharers,
                shown);
    }

    /** The line. */
    public String line() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("token", token);
        fields.put("patience_ms", patience.toMillis());
        fields.put("silence_ms", silence.toMillis());
        tls.ifPresent(files -> fields.put("tls", fields(files)));
        fields.put("options", options);
        fields.put("sharers", (long) sharers);
        fields.put("json", shown.json);
        fields.put("terminal", shown.terminal);
        return Json.write(fields);
    }

    static WorkerOrder of(String line) {
        JsonObject fields = Json.parseObject(line);
        return new WorkerOrder(
                fields.string("token"),
                Duration.ofMillis(fields.integer("patience_ms")),
                Duration.ofMillis(fields.integer("silence_ms")),
                fields.optionalObject("tls").map(WorkerOrder::tls),
                fields.object("options").fields(),
                (int) fields.integer("sharers"),
                new Shown(fields.bool("json", false), fields.bool("terminal", false)));
    }

    /** What the workers of a run of so many have in common. */
    JobTerms terms(int size) {
        return new JobTerms(size, token, ProgramVersion.get(), patience, silence, tls);
    }

    private static Map<String, Object> fields(TlsFiles tls) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("certificate", tls.certificate().toString());
        fields.put("key", tls.key().toString());
        fields.put("authority", tls.authority().toString());
        tls.name().ifPresent(name -> fields.put("name", name));
        return fields;
    }

    private static TlsFiles tls(JsonObject fields) {
        return new TlsFiles(
                Path.of(fields.string("certificate")),
                Path.of(fields.string("key")),
                Path.of(fields.string("authority")),
                fields.has("name") ? Optional.of(fields.string("name")) : Optional.empty());
    }
}
