package io.millrace.bench;

import io.millrace.executor.quantize.QuantizeConfig;
import io.millrace.memory.DType;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.quantize.QuantForm;
import io.millrace.model.quantize.QuantForms;
import io.millrace.model.synthetic.SyntheticModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Models with the shapes of published ones and random weights. */
final class BenchModels {
    private static final long SEED = 1;

    private BenchModels() {}

    /** A published shape, made in the folder unless it is there. */
    static Path of(Path folder, String arch, DType dtype) throws IOException {
        return of(folder, arch, NamedArchitectures.find(arch).orElseThrow(), dtype);
    }

    /** The same with the matrices of layers in fewer bits. */
    static Path packed(Path folder, String arch, DType dtype, String format) throws IOException {
        Path model = folder.resolve(arch + "-" + dtype.torchName() + "-" + format);
        if (!Files.exists(model.resolve("config.json"))) {
            QuantForm form = QuantForms.find(format).orElseThrow();
            SyntheticModel.write(
                    NamedArchitectures.find(arch).orElseThrow(),
                    dtype,
                    Optional.of(new SyntheticModel.Packing(form, QuantizeConfig.group(form, null))),
                    SEED,
                    model,
                    bytes -> {});
        }
        return model;
    }

    /** A shape of one's own under a name, made in the folder unless it is there. */
    static Path of(Path folder, String name, ModelConfig config, DType dtype) throws IOException {
        Path model = folder.resolve(name + "-" + dtype.torchName());
        if (!Files.exists(model.resolve("config.json"))) {
            SyntheticModel.write(config, dtype, SEED, model, bytes -> {});
        }
        return model;
    }
}
