package io.millrace.telemetry.report;

import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The folder of a run that nobody made. */
final class MadeUpFolder {
    private MadeUpFolder() {}

    /** Steps whose loss is their number over 100; an evaluation each hundredth. */
    static Path write(Path folder, int steps, boolean done, Map<String, Object> differs)
            throws IOException {
        Files.createDirectories(folder);
        Map<String, Object> options = new LinkedHashMap<>();
        options.put("model", "models/</script><b>tiny");
        options.put("optimizer", "mezo-sgd");
        options.put("perturbation", "gaussian");
        options.put("tune", "full");
        options.put("steps", 2000);
        options.putAll(differs);
        Map<String, Object> run = new LinkedHashMap<>();
        run.put("options", options);
        run.put("java", "25");
        if (done) {
            run.put("done_steps", steps);
            run.put("kept_step", steps);
        }
        Files.writeString(folder.resolve("run.json"), Json.write(run));
        Files.writeString(
                folder.resolve("journal.jsonl"), "{\"program\":\"0.1\",\"examples\":77}\n{");
        List<String> lines = new ArrayList<>();
        lines.add(evaluation(0));
        for (int step = 1; step <= steps; step++) {
            lines.add(
                    Json.write(
                            Map.of(
                                    "step",
                                    step,
                                    "loss",
                                    step / 100.0,
                                    "projected_grad",
                                    step % 2 == 0 ? 3.0 : -5.0,
                                    "lr",
                                    1e-6,
                                    "step_seconds",
                                    0.5,
                                    "tokens",
                                    100,
                                    "tokens_per_second",
                                    200.0,
                                    "hidden_transfer",
                                    1.0,
                                    "pipeline_efficiency",
                                    0.75)));
            if (step % 100 == 0) {
                lines.add(evaluation(step));
                lines.add(
                        Json.write(
                                Map.of("step", step, "durable_by", "sync", "durable_seconds", 1)));
            }
        }
        lines.add(
                "{\"step\":"
                        + steps
                        + ",\"peak_bytes\":{\"host\":3000,\"nvme\":0,\"process\":9000},"
                        + "\"budget_bytes\":{\"host\":4000}}");
        lines.add("{\"step\":" + steps + ",\"lo"); // cut off by a crash
        Files.write(folder.resolve("metrics.jsonl"), lines);
        return folder;
    }

    private static String evaluation(int step) {
        return Json.write(
                Map.of(
                        "step",
                        step,
                        "eval_loss",
                        step / 50.0,
                        "eval_accuracy",
                        0.5 + step / 1e4,
                        "eval_data",
                        "abc"));
    }
}
