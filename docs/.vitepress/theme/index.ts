import type { Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme'
import ApproachCards from './approach-cards.vue'
import FaultTable from './fault-table.vue'
import GuaranteeTable from './guarantee-table.vue'
import Layout from './layout.vue'
import ProblemPictures from './problem-pictures.vue'
import ProofOf from './proof-of.vue'
import './style.css'

export default {
  extends: DefaultTheme,
  Layout,
  enhanceApp({ app }) {
    app.component('ApproachCards', ApproachCards)
    app.component('FaultTable', FaultTable)
    app.component('GuaranteeTable', GuaranteeTable)
    app.component('ProblemPictures', ProblemPictures)
    app.component('ProofOf', ProofOf)
  },
} satisfies Theme
