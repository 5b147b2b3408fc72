package io.millrace.cli;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.TuneConfig;
import java.nio.file.Path;

final class ExecutorEngine implements Engine {
    @Override
    public RunSummary tune(TuneConfig config, RunListener listener) {
        throw new UnsupportedOperationException();
    }

    @Override
    public EvalResult eval(EvalConfig config) {
        throw new UnsupportedOperationException();
    }

    @Override
    public GenerateResult generate(GenerateConfig config) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void forward(Path model, Path input, Path output, MemoryConfig memory) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long replay(Path base, Path journal, Path out) {
        throw new UnsupportedOperationException();
    }

    @Override
    public SynthResult synth(SynthRequest request, java.util.function.LongConsumer progress) {
        throw new UnsupportedOperationException();
    }
}
