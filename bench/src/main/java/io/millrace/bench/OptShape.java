package io.millrace.bench;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The sizes of a decoder's matrices.
 *
 * @param hidden width of the residual stream
 * @param feedForward width between the two matrices of the feed-forward part
 * @param layers how many layers
 * @param vocabulary rows of the embedding
 */
record OptShape(int hidden, int feedForward, int layers, int vocabulary) {
    /** Of a model folder. */
    static OptShape of(Path model) throws IOException {
        JsonObject config = Json.parseObject(Files.readString(model.resolve("config.json")));
        int hidden = (int) config.integer("hidden_size");
        return new OptShape(
                hidden,
                (int) config.integer("ffn_dim", config.integer("intermediate_size", 4L * hidden)),
                (int) config.integer("num_hidden_layers"),
                (int) config.integer("vocab_size"));
    }

    /** Weights that are multiplied with, the head among them. */
    long matrixWeights() {
        return layers * (4L * hidden * hidden + 2L * hidden * feedForward)
                + (long) vocabulary * hidden;
    }
}
