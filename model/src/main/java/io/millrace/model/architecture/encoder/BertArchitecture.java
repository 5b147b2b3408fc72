package io.millrace.model.architecture.encoder;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.List;
import java.util.Set;

/** BERT; what it has for pairs of sentences is left alone. */
public final class BertArchitecture extends ListedArchitecture {
    private static final String HEAD = "cls.predictions.";
    private static final String DECODER = HEAD + "decoder";

    /** The family. */
    public BertArchitecture() {
        super(BertFamily.FIELDS.honours("vocab_size", 30522));
    }

    @Override
    public String modelType() {
        return "bert";
    }

    @Override
    public String models() {
        return "BERT, as a masked language model or a classifier";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        BertFamily family = new BertFamily(config, names, "bert.");
        return family.program(
                new BertFamily.MaskedHead(
                        HEAD + "transform.dense",
                        HEAD + "transform.LayerNorm",
                        HEAD + "bias",
                        DECODER,
                        family.activation()),
                new BertFamily.LabelHead("bert.pooler.dense", "classifier"),
                0);
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("embeddings.position_ids") || name.equals(DECODER + ".bias");
    }

    @Override
    public List<String> headNames() {
        return List.of(DECODER + ".weight");
    }
}
