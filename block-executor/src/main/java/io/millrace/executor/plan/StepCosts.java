package io.millrace.executor.plan;

import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.MicroBatch;
import io.millrace.memory.BlockLayout;
import io.millrace.model.ModelLayout;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.AttentionSpec;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.model.spec.EmbeddingSpec;
import io.millrace.model.spec.HeadSpec;
import io.millrace.model.spec.LayerSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.MlpSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.optim.estimate.Questions;
import io.millrace.prefetch.plan.Operation;
import io.millrace.prefetch.plan.StepWork;
import io.millrace.prefetch.plan.VisitWork;
import java.util.ArrayList;
import java.util.List;

/**
 * What a step computes, told from the shapes of a model: the programs of this package, counted
 * instead of run.
 */
final class StepCosts {
    private final DecoderSpec spec;
    private final ModelLayout layout;
    private final Shape shape;

    /**
     * What decides how much there is to compute.
     *
     * @param batch sequences a step
     * @param microBatch sequences that pass through a block together
     * @param tokens tokens of a sequence
     * @param scored tokens of a sequence whose prediction is scored
     * @param arithmetic what the step does to parameters
     * @param questions what a step asks for
     * @param workers that share the work
     * @param readsStored whether products read any type as it is stored, as those of cards do
     */
    record Shape(
            int batch,
            int microBatch,
            int tokens,
            int scored,
            Arithmetic arithmetic,
            Questions questions,
            int workers,
            boolean readsStored) {
        int microBatches() {
            return Math.ceilDiv(batch, microBatch);
        }

        int sequences(int index) {
            return Math.min(microBatch, batch - index * microBatch);
        }
    }

    private StepCosts(DecoderSpec spec, ModelLayout layout, Shape shape) {
        this.spec = spec;
        this.layout = layout;
        this.shape = shape;
    }

    /** The work of a step once updates are pending: that of every step but the first. */
    static StepWork of(DecoderSpec spec, ModelLayout layout, Shape shape) {
        StepCosts costs = new StepCosts(spec, layout, shape);
        List<VisitWork> visits = new ArrayList<>();
        for (int index = 0; index < layout.visits().size(); index++) {
            visits.add(costs.visit(index));
        }
        return new StepWork(
                visits, (long) shape.batch * shape.tokens, shape.arithmetic.foldEvery());
    }

    private VisitWork visit(int index) {
        int block = layout.visits().get(index);
        boolean last = layout.visits().lastIndexOf(block) == index;
        List<Operation> folding = new Tally(index, last, true).operations(index);
        List<Operation> reading =
                shape.arithmetic.foldEvery() == 1
                        ? folding
                        : new Tally(index, false, false).operations(index);
        return new VisitWork(block, folding, reading, last);
    }

    /** Counts one visit. */
    private final class Tally {
        private final BlockLayout block;
        private final boolean first;
        private final WeightCosts weights;
        private final List<Operation> operations = new ArrayList<>();
        private int scales; // of the probe
        private int sequences;
        private int rows; // of the micro-batch

        Tally(int index, boolean folds, boolean foldingStep) {
            int number = layout.visits().get(index);
            block = layout.block(number);
            first = layout.visits().indexOf(number) == index;
            weights = WeightCosts.of(shape, folds, foldingStep, operations);
        }

        List<Operation> operations(int index) {
            if (first) {
                weights.update(block);
            }
            for (Questions.Group group : shape.questions.groups()) {
                scales = group.scales();
                weights.asking(scales);
                for (int probe = 0; probe < group.probes(); probe++) {
                    probe(index);
                }
            }
            weights.foldTheRest(block);
            return operations;
        }

        private void probe(int index) {
            for (int batch = 0; batch < shape.microBatches(); batch++) {
                sequences = shape.sequences(batch);
                rows = sequences * shape.tokens;
                if (index == 0) {
                    embedding(spec.embedding());
                } else if (index == layout.visits().size() - 1) {
                    head(spec.head());
                } else {
                    layer(spec.layers().get(index - 1));
                }
            }
        }

        private void lookUp(String name, long width) {
            weights.lookUp(block.tensor(name), rows, width);
        }

        private void linear(LinearSpec linear) {
            if (linear.bias() != null) {
                weights.vector(block.tensor(linear.bias()));
                operations.add(new Operation.Dispatch(1));
            }
            weights.multiply(block.tensor(linear.weight()), linear, MicroBatch.padded(rows));
        }

        private void norm(NormSpec norm, long width) {
            if (norm == null) {
                return;
            }
            weights.vector(block.tensor(norm.weight()));
            if (norm.bias() != null) {
                weights.vector(block.tensor(norm.bias()));
            }
            pass(Operation.Kind.NORM, width);
            operations.add(new Operation.Dispatch(norm.bias() == null ? 1 : 2));
        }

        private void pass(Operation.Kind kind, long width) {
            operations.add(new Operation.Pass(kind, (double) scales * rows * width));
            operations.add(new Operation.Dispatch(1));
        }

        private void embedding(EmbeddingSpec embedding) {
            lookUp(embedding.tokens(), embedding.width());
            if (embedding.projection() != null) {
                linear(embedding.projection());
            }
            if (embedding.positions() != null) {
                lookUp(embedding.positions(), spec.hiddenSize());
            }
        }

        private void layer(LayerSpec layer) {
            norm(layer.attentionNorm(), spec.hiddenSize());
            attention(layer.attention());
            linear(layer.attention().output());
            norm(layer.attentionOutNorm(), spec.hiddenSize());
            norm(layer.mlpNorm(), spec.hiddenSize());
            mlp(layer.mlp());
            norm(layer.mlpOutNorm(), spec.hiddenSize());
        }

        private void attention(AttentionSpec attention) {
            attention.projections().forEach(this::linear);
            long queries = (long) attention.heads() * attention.headDim();
            long keys = (long) attention.kvHeads() * attention.headDim();
            norm(attention.queryNorm(), queries);
            norm(attention.keyNorm(), keys);
            if (attention.rope() != null) {
                pass(Operation.Kind.ROTARY, queries + keys);
            }
            operations.add(
                    new Operation.Attend(
                            shape.tokens,
                            attention.headDim(),
                            (long) scales * sequences * attention.heads()));
            operations.add(new Operation.Dispatch(1));
        }

        private void mlp(MlpSpec mlp) {
            linear(mlp.up());
            if (mlp.gate() != null) {
                linear(mlp.gate());
            }
            boolean cheap = mlp.gate() == null && mlp.activation() == Activation.RELU;
            pass(cheap ? Operation.Kind.RELU : Operation.Kind.ACTIVATION, mlp.up().outputs());
            linear(mlp.down());
        }

        private void head(HeadSpec head) {
            rows = sequences * shape.scored;
            if (rows == 0) {
                return;
            }
            pass(Operation.Kind.COPY, spec.hiddenSize());
            norm(head.norm(), spec.hiddenSize());
            if (head.projection() != null) {
                linear(head.projection());
            }
            linear(head.logits());
            pass(Operation.Kind.LOSS, head.logits().outputs());
        }
    }
}
