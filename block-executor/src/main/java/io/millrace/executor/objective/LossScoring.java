package io.millrace.executor.objective;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.step.StepBatch;
import io.millrace.model.text.Batch;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import io.millrace.optim.estimate.Query;
import java.util.Arrays;
import java.util.List;

/** The mean cross-entropy over the scored tokens of a batch. */
final class LossScoring implements Scoring {
    private final List<Example> examples;
    private final int longest;
    private final int examplesEach;
    private final MeanSink sink = new MeanSink();

    LossScoring(Dataset data, int examplesEach) {
        examples = data.examples();
        longest = data.maxLength();
        this.examplesEach = examplesEach;
    }

    @Override
    public StepBatch batch(int... indices) {
        return new LossBatch(Batch.of(Arrays.stream(indices).mapToObj(examples::get).toList()));
    }

    @Override
    public boolean hasGradient() {
        return true;
    }

    @Override
    public int examples() {
        return examples.size();
    }

    @Override
    public List<Example> sequences() {
        return examples;
    }

    @Override
    public int longest() {
        return longest;
    }

    @Override
    public int sequencesEach() {
        return 1;
    }

    private final class LossBatch implements StepBatch {
        private final Batch batch;

        private LossBatch(Batch batch) {
            this.batch = batch;
        }

        @Override
        public int tokens() {
            return batch.tokens();
        }

        @Override
        public long weight() {
            return batch.scoredTokens();
        }

        @Override
        public List<double[]> values(List<Query> queries, Passes passes) {
            List<MicroBatch> microBatches = scored();
            sink.prepare(queries);
            passes.run(queries, List.of(microBatches), sink);
            return ScaleValues.of(queries, sink::mean);
        }

        @Override
        public List<MicroBatch> scored() {
            return MicroBatches.scoring(batch, examplesEach);
        }
    }
}
