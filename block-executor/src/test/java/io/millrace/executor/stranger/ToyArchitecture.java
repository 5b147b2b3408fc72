package io.millrace.executor.stranger;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.known.Architectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** A family of models under a name of its own, with the blocks of another. */
public final class ToyArchitecture implements Architecture {
    private final String modelType = "toy-llama";

    @Override
    public String modelType() {
        return modelType;
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> tensorNames) {
        return llama().program(config, tensorNames);
    }

    @Override
    public boolean isBuffer(String tensorName) {
        return llama().isBuffer(tensorName);
    }

    private static Architecture llama() {
        return Architectures.find("llama").orElseThrow();
    }
}
