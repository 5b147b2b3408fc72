package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.Seeds;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Holds a run against another program's.
 *
 * @param loss how far a loss may be off
 * @param slope how far a slope may be off
 * @param weight how far a final weight may be off
 */
record TraceCheck(double loss, double slope, double weight) {
    /** The bounds that a trace gives itself. */
    static TraceCheck of(JsonObject bounds) {
        return new TraceCheck(
                bounds.number("loss"), bounds.number("projected_grad"), bounds.number("weights"));
    }

    /** Writes the batches of the traces of the real model, four rows each. */
    static Path batches(Path file) throws IOException {
        List<Object> ids = new ArrayList<>();
        List<Object> labels = new ArrayList<>();
        for (JsonObject batch :
                Golden.objects(Golden.json("mezo-trace/batches.json").array("batches"))) {
            ids.addAll(batch.array("input_ids"));
            labels.addAll(batch.array("labels"));
        }
        return Golden.writeTokenised(file, ids, labels);
    }

    void steps(List<StepRecord> records, List<JsonObject> expected) {
        assertThat(records).hasSameSizeAs(expected);
        for (int step = 0; step < records.size(); step++) {
            step(records.get(step), expected.get(step));
        }
    }

    private void step(StepRecord record, JsonObject expected) {
        assertThat(record.seed()).isEqualTo(Seeds.parse(expected.string("seed")));
        List<JsonObject> queries =
                expected.has("queries")
                        ? Golden.objects(expected.array("queries"))
                        : List.of(expected);
        assertThat(record.queries()).hasSameSizeAs(queries);
        for (String whole : List.of("loss_zero", "loss")) {
            if (expected.has(whole)) {
                assertThat(record.loss())
                        .as("step " + record.step())
                        .isEqualTo(expected.number(whole), within(loss));
            }
        }
        for (int index = 0; index < queries.size(); index++) {
            QueryResult actual = record.queries().get(index);
            JsonObject query = queries.get(index);
            String place = "step " + record.step() + " query " + index;
            assertThat(actual.seed()).as(place).isEqualTo(Seeds.parse(query.string("seed")));
            List<Double> losses = losses(query, expected);
            assertThat(actual.losses()).as(place).hasSizeGreaterThanOrEqualTo(losses.size());
            for (int loss = 0; loss < losses.size(); loss++) {
                assertThat(actual.losses().get(loss))
                        .as(place + " loss " + loss)
                        .isEqualTo(losses.get(loss), within(this.loss));
            }
            assertThat(actual.projectedGrad())
                    .as(place)
                    .isEqualTo(query.number("projected_grad"), within(slope));
        }
    }

    /** All of a query's losses in the journal's order, or the two that older traces name. */
    private static List<Double> losses(JsonObject query, JsonObject step) {
        if (query.has("losses")) {
            return query.array("losses").stream().map(x -> ((Number) x).doubleValue()).toList();
        }
        return List.of(
                query.number("loss_plus"),
                query.has("loss_minus") ? query.number("loss_minus") : step.number("loss_zero"));
    }

    /** What a decay too small for any one weight leaves in the sum over all of them. */
    static void magnitudes(SafetensorsFile tuned, JsonObject expected) {
        double sum = 0;
        for (TensorInfo tensor : tuned.tensors().values()) {
            if (tensor.shape().size() == 2) {
                for (float value : tuned.readFloats(tensor.name())) {
                    sum += Math.abs(value);
                }
            }
        }
        assertThat(sum).isEqualTo(expected.number("value"), within(expected.number("bound")));
    }

    void weights(SafetensorsFile tuned, String name, JsonObject expected) {
        float[] values = tuned.readFloats(name);
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            sum += value;
            squares += (double) value * value;
        }
        assertThat(sum)
                .as("sum of %s", name)
                .isEqualTo(expected.number("sum"), within(weight * values.length));
        assertThat(Math.sqrt(squares))
                .as("norm of %s", name)
                .isEqualTo(expected.number("norm"), within(weight * Math.sqrt(values.length)));
        elements(values, 0, expected.array("first"), name);
        int last = expected.array("last").size();
        elements(values, values.length - last, expected.array("last"), name);
    }

    private void elements(float[] values, int from, List<?> expected, String name) {
        for (int index = 0; index < expected.size(); index++) {
            assertThat((double) values[from + index])
                    .as("element %d of %s", from + index, name)
                    .isEqualTo(((Number) expected.get(index)).doubleValue(), within(weight));
        }
    }
}
